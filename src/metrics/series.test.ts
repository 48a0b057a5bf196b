import { expect, test } from 'vitest';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { turnRecord } from '../../test/support/turn-record.ts';
import { AppError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import type { Column, Series } from '../contract/series.ts';
import type { Minutes, StoredMinute } from '../store/minutes.ts';
import { createMetrics } from './create-metrics.ts';
import { createMeter } from './meter.ts';
import { createSeries, SLICES_MAX } from './series.ts';

const MINUTE = 60_000;

/** A week of minutes in a list; `full` makes it refuse. */
function createShelf() {
  const rows: StoredMinute[] = [];
  /** `hears`: what a writer waits for after its row can be read. */
  const shelf = { rows, full: false, hears: Promise.resolve() };
  const minutes: Minutes = {
    async append(minute) {
      if (shelf.full) throw new AppError('storage_unavailable');
      rows.push(minute);
      await shelf.hears;
    },
    async *pages(from, until) {
      yield rows.filter(({ at }) => at >= from && at < until);
    },
  };
  return { shelf, minutes };
}

/** One process after another on the same shelf and clock. */
async function setup() {
  const clock = createManualClock();
  // To the full hour, so that the tests can count steps.
  await clock.advance(3_600_000 - (clock.now() % 3_600_000));
  const { shelf, minutes } = createShelf();
  let runs = 0;
  const run = () => {
    runs += 1;
    const metrics = createMetrics({ clock, log: silentLogger, run: `run${runs}`, minutes, models: ['gemini/fast'], tools: [] });
    metrics.start(() => 2);
    const turn = (more: Parameters<typeof turnRecord>[0] = {}) => {
      metrics.figures.accepted({ turnId: 't', sessionId: 's' });
      metrics.figures.ended(turnRecord(more));
    };
    return { metrics, turn };
  };
  return { clock, shelf, run };
}

const sum = (column: Column): number => column.reduce<number>((total, value) => total + (value ?? 0), 0);
const known = (column: Column): number => column.filter((value) => value !== null).length;
const read = (metrics: ReturnType<typeof createMetrics>, window: Series['window'] = '15m', step: '10s' | '1m' | '1h' = '10s') =>
  metrics.series({ window, step });

test('each step has its own counts, the one under way included, and all columns are equally long', async () => {
  const { clock, run } = await setup();
  const { metrics, turn } = run();
  turn({ totalMs: 100, usage: { inputTokens: 5, outputTokens: 2 } });
  await clock.advance(10_000);
  turn({ status: 'degraded', reason: 'model_unavailable', totalMs: 2_000, firstTokenMs: 50 });
  metrics.problem('rate_limited');
  const series = await read(metrics);
  expect(series.times).toHaveLength(90);
  expect(series.times.at(-1)).toBe(Math.floor(clock.now() / 10_000) * 10);
  expect(series.accepted.slice(-3)).toEqual([null, 1, 1]);
  expect(series.outcomes.degraded.slice(-2)).toEqual([0, 1]);
  expect(series.errors.reasons).toEqual({ model_unavailable: [...new Array(88).fill(null), 0, 1] });
  expect(series.errors.problems.rate_limited?.at(-1)).toBe(1);
  expect(series.tokens.input.slice(-2)).toEqual([5, 0]);
  expect(series.latencyMs.p50.at(-2)).toBeLessThanOrEqual(100);
  expect(series.latencyMs.p50.at(-1)).toBeGreaterThan(1_700);
  expect(series.openTurns.at(-2)).toBe(2);
  const lengths = [series.accepted, series.firstTokenMs.p99, series.memory.rssBytes, series.eventLoopDelayMs].map(({ length }) => length);
  expect(new Set(lengths)).toEqual(new Set([90]));
});

test('percentiles of a wide step come from the merged buckets of its narrow ones', async () => {
  const { clock, run } = await setup();
  const { metrics, turn } = run();
  for (let n = 0; n < 99; n += 1) turn({ totalMs: 10 });
  await clock.advance(10_000);
  turn({ totalMs: 10_000 });
  const { latencyMs } = await read(metrics, '1h', '1m');
  // An average of the two steps' percentiles would be about 5 s.
  expect(latencyMs.p95.at(-1)).toBeLessThanOrEqual(10);
  expect(latencyMs.p50.at(-2)).toBeNull();
});

test('after a restart the charts are still there, and the time in between is unknown, not zero', async () => {
  const { clock, run } = await setup();
  const first = run();
  for (let n = 0; n < 7; n += 1) first.turn();
  await clock.advance(2 * MINUTE + 15_000);
  first.turn();
  await first.metrics.stop();
  await clock.advance(5 * MINUTE);
  const second = run();
  second.turn();
  for (const step of ['10s', '1m'] as const) {
    const series = await read(second.metrics, '1h', step);
    expect(sum(series.accepted), step).toBe(9);
    expect(sum(series.outcomes.completed), step).toBe(9);
    const missing = series.accepted.slice(series.accepted.findIndex((n) => n !== null)).filter((n) => n === null);
    expect(missing.length * (step === '1m' ? 60 : 10)).toBeGreaterThan(200);
  }
});

test('a restart within seconds shows every count at once, and where they were', async () => {
  const { clock, run } = await setup();
  const first = run();
  await clock.advance(20_000);
  for (let n = 0; n < 100; n += 1) first.turn();
  await clock.advance(12_000);
  await first.metrics.stop();
  await clock.advance(1_000);
  const second = run();
  expect(sum((await read(second.metrics, '1h')).accepted)).toBe(100);
  expect(known((await read(second.metrics, '1h')).accepted)).toBe(4);
  expect((await read(second.metrics, '1h', '1m')).accepted.at(-1)).toBe(100);
});

test('a process that is killed loses the minute under way and no more', async () => {
  const { clock, run } = await setup();
  const first = run();
  first.turn();
  await clock.advance(MINUTE + 20_000);
  first.turn(); // never stored: no stop
  const second = run();
  expect(sum((await read(second.metrics, '1h', '1m')).accepted)).toBe(1);
});

test('nothing is counted twice while its minute is in memory, waiting and stored', async () => {
  const { clock, shelf, run } = await setup();
  const { metrics, turn } = run();
  for (let step = 0; step < 30; step += 1) {
    turn();
    await clock.advance(10_000);
    shelf.full = step >= 10 && step < 20;
    for (const each of ['10s', '1m'] as const) expect(sum((await read(metrics, '1h', each)).accepted), `${step} ${each}`).toBe(step + 1);
  }
});

test('nor while the row can be read already and its writer has not heard of it', async () => {
  const { clock, shelf, run } = await setup();
  const { metrics, turn } = run();
  const { promise, resolve } = Promise.withResolvers<void>();
  shelf.hears = promise;
  turn();
  await clock.advance(MINUTE + 20_000);
  expect(shelf.rows).toHaveLength(1);
  expect(sum((await read(metrics, '1h', '1m')).accepted)).toBe(1);
  resolve();
});

test('a day in memory is no more than an hour', async () => {
  const clock = createManualClock();
  const { minutes } = createShelf();
  const { ledger } = createMeter({ clock, models: [], tools: [] });
  const series = createSeries({ clock, log: silentLogger, ledger, run: 'a', minutes, peaks: () => ({}) });
  series.start();
  await clock.advance(24 * 3_600_000);
  expect(series.held()).toEqual({ minutes: 0, steps: SLICES_MAX });
});

test('a store that cannot write for hours costs a bounded number of minutes, and what waits is stored when it can', async () => {
  const { clock, shelf, run } = await setup();
  const { metrics } = run();
  shelf.full = true;
  await clock.advance(180 * MINUTE);
  shelf.full = false;
  await clock.advance(2 * MINUTE);
  expect(shelf.rows.length).toBeGreaterThanOrEqual(60);
  expect(shelf.rows.length).toBeLessThanOrEqual(62);
  await metrics.stop();
});

test('a clock put back moves the hour in memory with it; one put ahead leaves a gap; neither loses a count', async () => {
  const { clock, run } = await setup();
  const { metrics, turn } = run();
  for (let n = 0; n < 6; n += 1) {
    turn();
    await clock.advance(10_000);
  }
  clock.jump(-2 * 3_600_000);
  await clock.advance(10_000);
  const back = await read(metrics, '15m');
  expect(sum(back.accepted)).toBe(6);
  expect(known(back.accepted)).toBeLessThanOrEqual(9);
  expect(back.times.every((at, index) => index === 0 || at - (back.times[index - 1] ?? 0) === 10)).toBe(true);
  clock.jump(300_000);
  turn();
  await clock.advance(20_000);
  const ahead = await read(metrics, '15m');
  expect(sum(ahead.accepted)).toBe(7);
  expect(ahead.accepted.filter((n) => n === null).length).toBeGreaterThan(28);
  clock.jump(24 * 3_600_000);
  await clock.advance(10_000);
  expect(sum((await read(metrics, '15m')).accepted)).toBe(0);
});

test('after a day, the hour is the last one and the day is whole', async () => {
  const { clock, run } = await setup();
  const { metrics, turn } = run();
  for (let minute = 0; minute < 24 * 60; minute += 1) {
    turn();
    await clock.advance(MINUTE);
  }
  expect(sum((await read(metrics, '1h')).accepted)).toBe(59);
  expect(sum((await metrics.series({ window: '24h', step: '5m' })).accepted)).toBeGreaterThan(1_430);
});

test('latency of the tiles is of the last quarter of an hour', async () => {
  const { clock, run } = await setup();
  const { metrics, turn } = run();
  expect(metrics.figures.read().latencyMs).toBeNull();
  turn({ totalMs: 9_000 });
  await clock.advance(10 * MINUTE);
  turn({ totalMs: 10 });
  expect(metrics.figures.read().latencyMs?.p99).toBeGreaterThan(8_000);
  await clock.advance(6 * MINUTE);
  expect(metrics.figures.read().latencyMs?.p99).toBeLessThanOrEqual(10);
});
