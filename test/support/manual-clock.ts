import type { Clock } from '../../src/base/clock.ts';

export interface ManualClock extends Clock {
  /** Moves both clocks on and fires what came due, in order; microtasks run after each timer. */
  advance(ms: number): Promise<void>;
  /** Puts the wall clock forward or back; monotonic time takes no notice. */
  jump(ms: number): void;
  /** Timers that wait. */
  pending(): number;
}

/** A clock that stands still until told. */
export function createManualClock(): ManualClock {
  const timers = new Set<{ at: number; fire: () => void }>();
  let time = 1_000;
  let wall = 1_700_000_000_000;
  return {
    now: () => wall + time,
    monotonic: () => time,
    after(ms, fire) {
      const timer = { at: time + Math.max(0, ms), fire };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
    jump(ms) {
      wall += ms;
    },
    pending: () => timers.size,
    async advance(ms) {
      const end = time + ms;
      for (;;) {
        const due = [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers.delete(due);
        time = due.at;
        due.fire();
        await settled();
      }
      time = end;
      await settled();
    },
  };
}

/** Lets every promise that can go on go on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
