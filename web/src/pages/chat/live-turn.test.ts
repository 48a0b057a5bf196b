import { expect, test } from 'vitest';
import type { TurnEvent } from '../../../../src/contract/events.ts';
import { freshTurn, livePieces, takeEvent } from './live-turn.ts';

const EVENTS: TurnEvent[] = [
  { type: 'turn.start', turnId: 'trn_1', sessionId: 'ses_1', attempt: 1 },
  { type: 'text.delta', at: 0, text: 'Let me ' },
  { type: 'text.delta', at: 7, text: 'see.' },
  { type: 'tool.start', callId: 'a', name: 'clock' },
  { type: 'tool.end', callId: 'a', name: 'clock', outcome: 'ok', ms: 3 },
  { type: 'text.delta', at: 11, text: '\n\nNoon.' },
];
const told = (events: TurnEvent[]) => events.reduce(takeEvent, freshTurn('trn_1'));

test('text and tools stand in the order in which they came', () => {
  expect(livePieces(told(EVENTS))).toEqual([
    { kind: 'text', text: 'Let me see.' },
    { kind: 'tool', tool: { callId: 'a', name: 'clock', at: 11, outcome: 'ok', ms: 3 } },
    { kind: 'text', text: '\n\nNoon.' },
  ]);
});

test('a turn that is told again from its beginning neither loses nor doubles a character', () => {
  for (let cut = 0; cut <= EVENTS.length; cut += 1) {
    const again = told([...EVENTS.slice(0, cut), { type: 'error', problem: {} as never }, ...EVENTS]);
    expect(again.text).toBe('Let me see.\n\nNoon.');
    expect(again.tools).toHaveLength(1);
    expect(again.isCutOff).toBe(false);
  }
});

test('after a restart of the server the text so far is dropped', () => {
  const again = told([...EVENTS, { type: 'turn.restart', attempt: 2 }, { type: 'text.delta', at: 0, text: 'New' }]);
  expect(again).toMatchObject({ attempt: 2, text: 'New', tools: [] });
});
