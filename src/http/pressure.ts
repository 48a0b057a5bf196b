import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Clock, Timer } from '../base/clock.ts';
import type { Store } from '../store/store.ts';
import type { HttpLimits } from './limits.ts';

export type Strain = 'event_loop' | 'heap' | 'wal';

export interface Pressure {
  start(): void;
  stop(): void;
  /** Why new work should be refused now, as of the last sample. */
  strain(): Strain | undefined;
}

/** The monitor's own period: its figures contain it. */
const RESOLUTION_MS = 20;

/** Looks at the process once per sample. One late sample is a pause; the loop counts as blocked when two in a row were late. */
export function createPressure(parts: {
  clock: Clock;
  store: Pick<Store, 'health'>;
  limits: HttpLimits;
  onSample?: (lateMs: number) => void;
}): Pressure {
  const { clock, store, limits } = parts;
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let timer: Timer | undefined;
  let current: Strain | undefined;
  let lateSamples = 0;

  function sample(sampledAt: number): void {
    const now = clock.monotonic();
    // The monitor drops the interval it is reset in; this timer's own lateness covers a loop that never gets further.
    const lateMs = Math.max(now - sampledAt - limits.pressureSampleMs, delay.percentile(99) / 1e6 - RESOLUTION_MS);
    delay.reset();
    parts.onSample?.(Math.max(0, Math.round(lateMs * 10) / 10));
    lateSamples = lateMs > limits.loopDelayMsMax ? lateSamples + 1 : 0;
    current = strainOf(lateSamples);
    timer = clock.after(limits.pressureSampleMs, () => sample(now));
  }

  function strainOf(late: number): Strain | undefined {
    if (late >= 2) return 'event_loop';
    const heap = getHeapStatistics();
    if (heap.used_heap_size > heap.heap_size_limit * limits.heapShareMax) return 'heap';
    return store.health().walBytes > limits.walBytesMax ? 'wal' : undefined;
  }

  return {
    start() {
      if (timer) return;
      delay.enable();
      sample(clock.monotonic());
    },
    stop() {
      timer?.cancel();
      timer = undefined;
      delay.disable();
      current = undefined;
    },
    strain: () => current,
  };
}
