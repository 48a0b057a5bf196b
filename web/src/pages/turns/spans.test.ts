import { expect, test } from 'vitest';
import type { TurnTrace } from '../../../../src/contract/turn-trace.ts';
import { retriesOf, timelineOf } from './spans.ts';

const trace: TurnTrace = {
  turnId: 'trn_1',
  sessionId: 'ses_1',
  requestId: 'req_1',
  principal: 'key:admin',
  status: 'completed',
  attempt: 1,
  recoveries: 0,
  createdAt: '2026-11-22T10:00:00.000Z',
  completedAt: '2026-11-22T10:00:00.500Z',
  queueMs: 10,
  firstTokenMs: 300,
  totalMs: 500,
  steps: [
    {
      kind: 'model',
      ms: 300,
      attempts: [
        { provider: 'gemini', model: 'a', code: 'http_503', ms: 50 },
        { provider: 'gemini', model: 'a', code: 'ok', ms: 150 },
      ],
    },
    { kind: 'tool', name: 'current_time', callId: 'c1', outcome: 'ok', ms: 90 },
  ],
  advice: [],
};

test('the parts of a turn lie end to end and what is left is the commit', () => {
  const { totalMs, spans } = timelineOf(trace);
  expect(totalMs).toBe(500);
  expect(spans.map(({ kind, startMs, ms }) => [kind, startMs, ms])).toEqual([
    ['queue', 0, 10],
    ['model', 10, 300],
    ['attempt', 10, 50],
    ['attempt', 160, 150],
    ['tool', 310, 90],
    ['commit', 400, 100],
  ]);
});

test('an open turn has no commit and no length yet', () => {
  const open = timelineOf({ ...trace, status: 'running', totalMs: null, firstTokenMs: null, steps: [] });
  expect(open.spans.map(({ kind }) => kind)).toEqual(['queue']);
  expect(open.totalMs).toBe(10);
});

test('each call of a step beyond its first is a retry', () => {
  expect(retriesOf(trace)).toBe(1);
});
