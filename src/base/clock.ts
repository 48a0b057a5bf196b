/** Time as every part sees it. Wall time is for people and records; only monotonic time decides deadlines. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. May jump in either direction. */
  now(): number;
  /** Monotonic milliseconds with an arbitrary origin. Never goes back within one process. */
  monotonic(): number;
  /** Runs `fire` once after `ms`. Does not keep the process alive unless `hold` is true. */
  after(ms: number, fire: () => void, hold?: boolean): Timer;
}

export interface Timer {
  cancel(): void;
}

/** The longest delay a Node timer takes; longer ones would fire at once. */
const TIMER_MS_MAX = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fire, hold = false) {
    const handle = setTimeout(fire, Math.min(Math.max(0, ms), TIMER_MS_MAX));
    if (!hold) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** The same clock with a wall time that cannot jump while the process runs: for ages and expiries, not for people. */
export function steadyClock(clock: Clock): Clock {
  const offset = clock.now() - clock.monotonic();
  return { ...clock, now: () => Math.round(offset + clock.monotonic()) };
}

/** Resolves after `ms`, or at once when `signal` aborts. Never rejects: the caller looks at the signal. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.after(ms, done, true);
    signal?.addEventListener('abort', done, { once: true });
  });
}
