import { expect, test } from 'vitest';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { createBulkhead } from './bulkhead.ts';
import { createRetryBudget } from './retry-budget.ts';

const signal = new AbortController().signal;

test('lets in its limit, queues twice as many, refuses the rest', async () => {
  const clock = createManualClock();
  const bulkhead = createBulkhead(clock, 2);
  expect([bulkhead.enter(Infinity, signal), bulkhead.enter(Infinity, signal)]).toEqual(['entered', 'entered']);
  const waiting = Array.from({ length: 4 }, () => bulkhead.enter(clock.monotonic() + 60_000, signal));
  expect(bulkhead.enter(Infinity, signal)).toBe('full');
  expect(bulkhead.expectedWaitMs()).toBe(Number.POSITIVE_INFINITY);
  for (let i = 0; i < 6; i += 1) bulkhead.leave(100);
  expect(await Promise.all(waiting)).toEqual(['entered', 'entered', 'entered', 'entered']);
  expect(bulkhead.underWay()).toBe(0);
  expect(clock.pending()).toBe(0);
});

test('serves in order, and drops who is late or gone without losing a place', async () => {
  const clock = createManualClock();
  const bulkhead = createBulkhead(clock, 2);
  bulkhead.enter(Infinity, signal);
  bulkhead.enter(Infinity, signal);
  const gone = new AbortController();
  const late = bulkhead.enter(clock.monotonic() + 100, signal);
  const left = bulkhead.enter(clock.monotonic() + 9_000, gone.signal);
  const served: string[] = [];
  const wait = async (name: string) => served.push(`${name} ${await bulkhead.enter(clock.monotonic() + 9_000, signal)}`);
  const both = [wait('first'), wait('second')];
  await clock.advance(150);
  gone.abort();
  expect(await late).toBe('late');
  expect(await left).toBe('cancelled');
  bulkhead.leave(10);
  await both[0];
  expect(served).toEqual(['first entered']);
  expect([bulkhead.underWay(), bulkhead.waiting()]).toEqual([2, 1]);
  for (let i = 0; i < 3; i += 1) bulkhead.leave(10);
  await both[1];
  expect(served).toEqual(['first entered', 'second entered']);
  expect([bulkhead.underWay(), bulkhead.waiting()]).toEqual([0, 0]);
});

test('expects a wait from how long calls take', () => {
  const clock = createManualClock();
  const bulkhead = createBulkhead(clock, 1);
  bulkhead.enter(Infinity, signal);
  bulkhead.leave(400);
  expect(bulkhead.expectedWaitMs()).toBe(0);
  bulkhead.enter(Infinity, signal);
  expect(bulkhead.expectedWaitMs()).toBe(400);
});

test('the retry budget starts with ten and earns one retry in ten requests', () => {
  const budget = createRetryBudget();
  const taken = () => {
    let count = 0;
    while (budget.take()) count += 1;
    return count;
  };
  expect(taken()).toBe(10);
  for (let i = 0; i < 100; i += 1) budget.deposit();
  expect(taken()).toBe(10);
  for (let i = 0; i < 29; i += 1) budget.deposit();
  expect(taken()).toBe(2);
  for (let i = 0; i < 10_000; i += 1) budget.deposit();
  expect(taken()).toBe(10);
});
