// The limits of one call seen from what a model says: first sign of life, silence in between, deadline, cancel.
import type { Clock, Timer } from '../base/clock.ts';
import type { CallLimits } from './provider.ts';

export type WatchFault = 'first_byte_timeout' | 'idle_timeout' | 'deadline' | 'cancelled';

export interface CallWatch {
  /** Aborted when a limit strikes, or when the caller is done early. */
  readonly signal: AbortSignal;
  /** The model said something: from now on silence counts from here. */
  progress(): void;
  /** Ends the watch. `abort` tears down what is still under way. */
  end(abort: boolean): void;
}

/** Calls `strike` at most once, and never after `end`. One timer, moved only when a limit comes nearer. */
export function watchCall(clock: Clock, limits: CallLimits, strike: (fault: WatchFault) => void): CallWatch {
  const controller = new AbortController();
  let due: WatchFault = 'first_byte_timeout';
  let dueAt = clock.monotonic() + limits.firstByteMs;
  let timerAt = Infinity;
  let timer: Timer | undefined;
  let over = false;

  function end(abort: boolean): void {
    if (over) return;
    over = true;
    timer?.cancel();
    limits.signal.removeEventListener('abort', cancelled);
    if (abort) controller.abort();
  }

  function fail(fault: WatchFault): void {
    if (over) return;
    end(true);
    strike(fault);
  }

  const cancelled = () => fail('cancelled');

  function arm(): void {
    const at = Math.min(dueAt, limits.deadlineAt);
    if (at >= timerAt) return;
    timer?.cancel();
    timerAt = at;
    timer = clock.after(at - clock.monotonic(), () => {
      timerAt = Infinity;
      // A timer may fire a fraction of a millisecond early.
      const now = clock.monotonic() + 1;
      if (now >= limits.deadlineAt) fail('deadline');
      else if (now >= dueAt) fail(due);
      else arm();
    });
  }

  limits.signal.addEventListener('abort', cancelled);
  if (limits.signal.aborted) queueMicrotask(cancelled);
  else arm();
  return {
    signal: controller.signal,
    progress() {
      if (over) return;
      due = 'idle_timeout';
      dueAt = clock.monotonic() + limits.idleMs;
      arm();
    },
    end,
  };
}
