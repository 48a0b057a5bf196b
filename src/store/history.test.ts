import { expect, test } from 'vitest';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { createHistory, MESSAGES_KEPT, type Remembered } from './history.ts';

const message = (seq: number, text = `m${seq}`): Remembered => ({
  role: seq % 2 === 0 ? 'user' : 'assistant',
  parts: [{ type: 'text', text }],
  seq,
  turnId: 't',
});
const seqs = (found: Remembered[] | undefined) => found?.map(({ seq }) => seq);
const ALL = Number.MAX_SAFE_INTEGER;

test('a new session is remembered from its first message, in order of seq however it was appended', () => {
  const history = createHistory({ clock: createManualClock() });
  history.begin('s', 1, [message(2)]);
  history.append('s', 1, [message(6)]);
  history.append('s', 1, [message(3), message(4)]);
  history.append('s', 1, [message(3)]);
  expect(seqs(history.recall('s', 1, { seq: ALL, limit: 10 }))).toEqual([2, 3, 4, 6]);
  expect(seqs(history.recall('s', 1, { seq: 5, limit: 2 }))).toEqual([3, 4]);
});

test('memory of another epoch is no memory', () => {
  const history = createHistory({ clock: createManualClock() });
  history.begin('s', 1, [message(2)]);
  expect(history.recall('s', 2, { seq: ALL, limit: 1 })).toBeUndefined();
  history.append('s', 2, [message(3)]);
  expect(history.recall('s', 1, { seq: ALL, limit: 1 })).toBeUndefined();
});

test('what memory does not reach is not answered from it', () => {
  const history = createHistory({ clock: createManualClock() });
  history.learn('s', 1, { messages: [message(10), message(11)], whole: false });
  expect(seqs(history.recall('s', 1, { seq: ALL, limit: 2 }))).toEqual([10, 11]);
  expect(history.recall('s', 1, { seq: ALL, limit: 3 })).toBeUndefined();
  expect(history.recall('s', 1, { seq: 10, limit: 2 })).toBeUndefined();
  history.append('s', 1, [message(4)]);
  expect(seqs(history.recall('s', 1, { seq: ALL, limit: 2 }))).toEqual([10, 11]);
});

test('it is bounded: in messages of a session, in their bytes and in time', () => {
  const clock = createManualClock();
  const history = createHistory({ clock });
  history.begin('s', 1, []);
  for (let seq = 0; seq < 3 * MESSAGES_KEPT; seq += 1) history.append('s', 1, [message(seq)]);
  expect(history.recall('s', 1, { seq: ALL, limit: MESSAGES_KEPT })).toHaveLength(MESSAGES_KEPT);
  expect(history.recall('s', 1, { seq: ALL, limit: MESSAGES_KEPT + 1 })).toBeUndefined();
  history.append('s', 1, [message(1000, 'x'.repeat(1_000_000)), message(1001, 'y')]);
  expect(seqs(history.recall('s', 1, { seq: ALL, limit: 2 }))).toEqual([1000, 1001]);
  history.append('s', 1, [message(1002, 'x'.repeat(400_000))]);
  expect(seqs(history.recall('s', 1, { seq: ALL, limit: 2 }))).toEqual([1001, 1002]);
  expect(history.recall('s', 1, { seq: ALL, limit: 3 })).toBeUndefined();
  clock.advance(11 * 60 * 1000);
  expect(history.recall('s', 1, { seq: ALL, limit: 1 })).toBeUndefined();
});
