// Figures over time: ten-second steps in memory for an hour, minutes in the store for a week.
import { setImmediate as nextRound } from 'node:timers/promises';
import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { type Series, STEPS, type StepName, WINDOWS, type WindowName } from '../contract/series.ts';
import type { Minutes } from '../store/minutes.ts';
import { type Percentiles, percentilesOf } from './buckets.ts';
import { seriesColumns } from './columns.ts';
import type { Ledger } from './ledger.ts';
import {
  addShape,
  decodeSlice,
  encodeSlice,
  type Figures,
  MINUTE_MS,
  mergeInto,
  type Peaks,
  type Slice,
  STEP_MS,
  spread,
} from './slice.ts';

/** Kept in memory: an hour, and the steps at either end of it that are cut. */
export const SLICES_MAX = 362;
/** Minutes that wait for a store that cannot write; the oldest are given up. */
export const WAITING_MAX = 60;
/** What the percentiles of the tiles are of. */
const RECENT_MS = 900_000;

export interface SeriesParts {
  clock: Clock;
  log: Logger;
  ledger: Ledger;
  /** Names this process among the rows of the store. */
  run: string;
  minutes: Minutes;
  /** What there is now; `loopDelayMs` is the worst since it was last asked. */
  peaks(): Peaks;
}

export interface SeriesBook {
  start(): void;
  /** Stores the minute under way. Never rejects. */
  stop(): Promise<void>;
  read(query: { window: WindowName; step: StepName }): Promise<Series>;
  recentLatency(): Percentiles | null;
  /** Minutes not yet stored, and steps in memory. */
  held(): { minutes: number; steps: number };
}

export function createSeries({ clock, log, ledger, run, minutes, peaks }: SeriesParts): SeriesBook {
  const slices: Slice[] = [];
  const waiting: Slice[] = [];
  let minute: Slice | undefined;
  let timer: Timer | undefined;
  let saving: Promise<void> | undefined;

  /** Ends the step under way, or only looks at it. */
  const cut = (take: boolean): Figures => ({ counts: ledger.changes(take), peaks: take ? peaks() : {} });

  function sample(at: number): void {
    keepOrder(slices, at);
    const slice = { at, ms: STEP_MS, ...cut(true) };
    slices.push(slice);
    if (slices.length > SLICES_MAX) slices.shift();
    if (minute && floor(minute.at, MINUTE_MS) !== floor(at, MINUTE_MS)) minute = finishMinute(minute);
    minute ??= { at, ms: STEP_MS, counts: new Map(), peaks: {} };
    const end = Math.max(minute.at + minute.ms, at + STEP_MS);
    minute.at = Math.min(minute.at, at);
    minute.ms = end - minute.at;
    mergeInto(minute, slice);
  }

  function finishMinute(done: Slice): undefined {
    waiting.push(done);
    if (waiting.length > WAITING_MAX) waiting.shift();
    saving ??= save().finally(() => {
      saving = undefined;
    });
  }

  /** Must not reject. What cannot be stored is tried again with the next minute. */
  async function save(): Promise<void> {
    for (let next = waiting[0]; next; next = waiting[0]) {
      try {
        await minutes.append({ run, at: next.at, figures: encodeSlice(next) });
      } catch (error) {
        log.warn('series.unstored', { count: waiting.length, error });
        return;
      }
      if (waiting[0] === next) waiting.shift();
    }
  }

  /** At each multiple of ten seconds of the wall clock, however late the last one was. */
  function plan(): void {
    const left = STEP_MS - (clock.now() % STEP_MS);
    timer = clock.after(left < STEP_MS / 2 ? left + STEP_MS : left, () => {
      // The timer fires at the end of a step, give or take; half a step back is in it for sure.
      sample(floor(clock.now() - STEP_MS / 2, STEP_MS));
      plan();
    });
  }

  /** The step under way, not taken. */
  const current = (): Slice => ({ at: floor(clock.now(), STEP_MS), ms: STEP_MS, ...cut(false) });

  return {
    start() {
      if (!timer) plan();
    },
    async stop() {
      if (!timer) return;
      timer.cancel();
      timer = undefined;
      sample(floor(clock.now(), STEP_MS));
      if (minute) minute = finishMinute(minute);
      await saving;
    },
    async read({ window, step }) {
      const stepMs = STEPS[step] * 1_000;
      const until = floor(clock.now(), stepMs) + stepMs;
      const from = until - WINDOWS[window] * 1_000;
      const steps = createSteps(from, until, stepMs);
      const fine = stepMs < MINUTE_MS;
      const stored = new Set<number>();
      for await (const page of minutes.pages(floor(from, MINUTE_MS), until)) {
        for (const row of page) {
          if (row.run === run && fine) continue; // known better
          if (row.run === run) stored.add(row.at);
          const slice = decodeSlice(row.at, row.figures);
          if (slice) for (const part of fine ? spread(slice) : [slice]) steps.add(part);
        }
        await nextRound();
      }
      // A minute whose write is under way may already have been read.
      const own = fine ? slices : [...waiting.filter((each) => !stored.has(each.at)), ...(minute ? [minute] : [])];
      for (const slice of [...own, current()]) steps.add(slice);
      return { window, stepS: stepMs / 1_000, ...seriesColumns(steps.all(), from, stepMs) };
    },
    recentLatency() {
      const since = clock.now() - RECENT_MS;
      const counts = new Map<number, number>();
      for (const slice of [...slices.filter(({ at }) => at >= since), current()]) addShape(counts, slice.counts, 'turnDuration');
      return percentilesOf(counts);
    },
    held: () => ({ minutes: waiting.length, steps: slices.length }),
  };
}

const floor = (at: number, step: number): number => Math.floor(at / step) * step;

/**
 * After the wall clock was put back, what is in memory moves back with it: an hour of charts stays an hour. After a jump ahead there is a gap,
 * which is also what a machine that slept leaves.
 */
function keepOrder(slices: Slice[], at: number): void {
  const latest = slices.at(-1)?.at ?? at;
  if (at >= latest - STEP_MS) return;
  const back = latest + STEP_MS - at;
  for (const slice of slices) slice.at -= back;
}

/** One slot per step of the window; undefined where nothing was measured. */
function createSteps(from: number, until: number, stepMs: number) {
  const slots: (Figures | undefined)[] = new Array((until - from) / stepMs).fill(undefined);
  return {
    add(slice: Slice): void {
      if (slice.at < from || slice.at >= until) return;
      const place = Math.floor((slice.at - from) / stepMs);
      slots[place] ??= { counts: new Map(), peaks: {} };
      mergeInto(slots[place], slice);
    },
    all: () => slots,
  };
}
