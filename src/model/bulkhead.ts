import type { Clock, Timer } from '../base/clock.ts';

export type Entry = 'entered' | 'full' | 'late' | 'cancelled';

/** Bounds the calls under way to one provider, so that a slow one holds up neither memory nor the others. */
export interface Bulkhead {
  /** Waits its turn, first come first served; `late` at `latestAt`. Each `entered` is followed by one `leave`. */
  enter(latestAt: number, signal: AbortSignal): Promise<Entry> | Entry;
  /** `heldMs` feeds the estimate of the next waits. */
  leave(heldMs: number): void;
  /** Milliseconds a new call would wait; Infinity when the queue is full. */
  expectedWaitMs(): number;
  underWay(): number;
  waiting(): number;
}

interface Waiter {
  settle(entry: Entry): void;
}

/** Weight of the newest call in the running mean. */
const MEAN_WEIGHT = 0.1;

export function createBulkhead(clock: Clock, limit: number): Bulkhead {
  const queueMax = limit * 2;
  const queue = new Set<Waiter>();
  let inside = 0;
  let meanHeldMs = 0;

  function wait(latestAt: number, signal: AbortSignal): Promise<Entry> {
    return new Promise((resolve) => {
      const waiter: Waiter = {
        settle(entry) {
          queue.delete(waiter);
          timer.cancel();
          signal.removeEventListener('abort', abort);
          resolve(entry);
        },
      };
      const abort = () => waiter.settle('cancelled');
      const timer: Timer = clock.after(latestAt - clock.monotonic(), () => waiter.settle('late'), true);
      signal.addEventListener('abort', abort, { once: true });
      queue.add(waiter);
    });
  }

  return {
    enter(latestAt, signal) {
      if (signal.aborted) return 'cancelled';
      if (inside < limit) {
        inside += 1;
        return 'entered';
      }
      if (queue.size >= queueMax) return 'full';
      return clock.monotonic() >= latestAt ? 'late' : wait(latestAt, signal);
    },
    leave(heldMs) {
      meanHeldMs = meanHeldMs === 0 ? heldMs : meanHeldMs + (heldMs - meanHeldMs) * MEAN_WEIGHT;
      const next = queue.values().next().value;
      // The place goes from hand to hand: `inside` stays as it is.
      if (next) next.settle('entered');
      else inside -= 1;
    },
    expectedWaitMs() {
      if (inside < limit) return 0;
      if (queue.size >= queueMax) return Number.POSITIVE_INFINITY;
      return ((queue.size + 1) / limit) * meanHeldMs;
    },
    underWay: () => inside,
    waiting: () => queue.size,
  };
}
