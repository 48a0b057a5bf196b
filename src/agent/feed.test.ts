import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { START } from '../contract/events.ts';
import type { TurnAnswer } from '../contract/turn.ts';
import type { PlacedEvent, TurnCursor } from './agent.ts';
import { createFeed, storedCursor } from './feed.ts';

const ended: TurnAnswer = {
  turnId: 'trn_1',
  sessionId: 'ses_1',
  status: 'completed',
  degraded: false,
  reply: 'whole reply',
  model: 'demo/demo',
  usage: { inputTokens: 1, outputTokens: 2 },
  createdAt: '2026-01-01T00:00:00.000Z',
  completedAt: '2026-01-01T00:00:01.000Z',
};

async function readAll(cursor: TurnCursor): Promise<PlacedEvent[]> {
  const all: PlacedEvent[] = [];
  for (let events = await cursor.next(); events.length > 0; events = await cursor.next()) all.push(...events);
  return all;
}

/** The text a reader holds after these events, dropping what a restart voids. */
function textOf(events: PlacedEvent[]): string {
  let text = '';
  for (const { event } of events) {
    if (event.type === 'turn.restart') text = '';
    if (event.type === 'text.delta') {
      expect(event.at).toBe(text.length);
      text += event.text;
    }
  }
  return text;
}

describe('the live events of a turn', () => {
  it('reach a reader who comes late in the order in which they happened', async () => {
    const feed = createFeed('trn_1', 'ses_1', 1);
    feed.push('one ');
    feed.tool({ type: 'tool.start', callId: 'c1', name: 'clock' });
    feed.tool({ type: 'tool.end', callId: 'c1', name: 'clock', outcome: 'ok', ms: 3 });
    feed.push('two');
    feed.end(ended);
    const events = await readAll(feed.cursor(START));
    expect(events.map(({ event }) => event.type)).toEqual(['turn.start', 'text.delta', 'tool.start', 'tool.end', 'text.delta', 'turn.end']);
    expect(textOf(events)).toBe('one two');
  });

  it('go on after any place without a gap and without a repetition', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.string({ minLength: 1 }), fc.constant(null)), { maxLength: 12 }),
        fc.nat(),
        async (story, pick) => {
          const feed = createFeed('trn_1', 'ses_1', 1);
          for (const [index, piece] of story.entries()) {
            if (piece === null) feed.tool({ type: 'tool.start', callId: `c${index}`, name: 'clock' });
            else feed.push(piece);
          }
          feed.end(ended);
          const all = await readAll(feed.cursor(START));
          const cut = pick % all.length;
          const rest = await readAll(feed.cursor(all[cut]?.at ?? START));
          // The end is told again to whoever asks; everything before the place is not.
          const expected = cut === all.length - 1 ? all.slice(cut) : all.slice(cut + 1);
          expect(rest.map(({ event }) => event)).toEqual(expected.map(({ event }) => event));
        },
      ),
    );
  });

  it('start anew after a restart, first telling a reader of the old attempt to drop its text', async () => {
    const feed = createFeed('trn_1', 'ses_1', 1);
    feed.push('half a repl');
    const cursor = feed.cursor(START);
    const before = await cursor.next();
    feed.restart(2, 'kept ');
    feed.push('whole');
    feed.end(ended);
    const after = await readAll(cursor);
    expect(after[0]?.event).toEqual({ type: 'turn.restart', attempt: 2 });
    expect(textOf([...before, ...after])).toBe('kept whole');
  });

  it('wake a reader who waits, and leave one who closed', async () => {
    const feed = createFeed('trn_1', 'ses_1', 1);
    const [waiting, closing] = [feed.cursor({ attempt: 1, step: 0, offset: 0 }), feed.cursor({ attempt: 1, step: 0, offset: 0 })];
    const [woken, closed] = [waiting.next(), closing.next()];
    closing.close();
    expect(await closed).toEqual([]);
    feed.push('now');
    expect(textOf(await woken)).toBe('now');
  });

  it('end without a last event when the turn is left for the next process', async () => {
    const feed = createFeed('trn_1', 'ses_1', 1);
    feed.push('half');
    feed.leave();
    const events = await readAll(feed.cursor(START));
    expect(events.map(({ event }) => event.type)).toEqual(['turn.start', 'text.delta']);
  });
});

describe('the events of a stored turn', () => {
  it('continue the live ones at the same place', async () => {
    const events = await readAll(storedCursor(ended, 1, { attempt: 1, step: 2, offset: 6 }));
    expect(events.map(({ event }) => event)).toEqual([
      { type: 'text.delta', at: 6, text: 'reply' },
      { type: 'turn.end', turn: ended },
    ]);
  });
  it('void what a reader has of another attempt', async () => {
    const events = await readAll(storedCursor(ended, 3, { attempt: 1, step: 0, offset: 6 }));
    expect(events.map(({ event }) => event.type)).toEqual(['turn.restart', 'text.delta', 'turn.end']);
    expect(textOf(events)).toBe('whole reply');
  });
  it('carry no text for a fallback: it was never model output', async () => {
    const degraded: TurnAnswer = { ...ended, status: 'degraded', degraded: true, reason: 'deadline', reply: 'fallback', model: null };
    const events = await readAll(storedCursor(degraded, 1, START));
    expect(events.map(({ event }) => event.type)).toEqual(['turn.start', 'turn.end']);
  });
});
