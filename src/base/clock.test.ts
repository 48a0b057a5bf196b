import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { type Clock, pause, systemClock } from './clock.ts';

/** A clock that is moved by hand. */
function handClock() {
  let now = 0;
  const waiting: { at: number; fire: () => void; hold: boolean }[] = [];
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    after(ms, fire, hold = false) {
      const entry = { at: now + ms, fire, hold };
      waiting.push(entry);
      return { cancel: () => void (waiting.includes(entry) && waiting.splice(waiting.indexOf(entry), 1)) };
    },
  };
  const advance = (ms: number): void => {
    now += ms;
    for (const entry of waiting.filter((each) => each.at <= now)) {
      waiting.splice(waiting.indexOf(entry), 1);
      entry.fire();
    }
  };
  return { clock, advance, waiting };
}

/** Whether a promise is settled once everything that could run has run. */
async function isSettled(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  await new Promise(setImmediate);
  return settled;
}

describe('a pause', () => {
  test('ends when its time is over and not before, and keeps the process alive meanwhile', async () => {
    const { clock, advance, waiting } = handClock();
    const pausing = pause(clock, 100);
    expect(waiting[0]?.hold).toBe(true);
    advance(99);
    expect(await isSettled(pausing)).toBe(false);
    advance(1);
    expect(await isSettled(pausing)).toBe(true);
  });

  test('ends at once when it is aborted, and leaves no timer', async () => {
    const { clock, waiting } = handClock();
    const abort = new AbortController();
    const pausing = pause(clock, 100, abort.signal);
    abort.abort(new Error('never thrown'));
    expect(await isSettled(pausing)).toBe(true);
    expect(waiting).toEqual([]);
  });

  test('does not begin when it was aborted before', async () => {
    const { clock, waiting } = handClock();
    expect(await isSettled(pause(clock, 100, AbortSignal.abort()))).toBe(true);
    expect(waiting).toEqual([]);
  });

  test('leaves no listener on a signal that lives longer', async () => {
    const { clock, advance } = handClock();
    const counted = new AbortController().signal;
    let listeners = 0;
    const { addEventListener, removeEventListener } = counted;
    counted.addEventListener = (...given: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(counted, given);
    };
    counted.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(counted, given);
    };
    for (let i = 0; i < 5; i++) {
      const pausing = pause(clock, 10, counted);
      advance(10);
      await pausing;
    }
    expect(listeners).toBe(0);
  });
});

describe('the system clock', () => {
  test('tells wall time and a time that never goes back', () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000);
    const seen = Array.from({ length: 1000 }, () => systemClock.monotonic());
    expect(seen.toSorted((a, b) => a - b)).toEqual(seen);
  });

  test('fires once after the time, and not when cancelled', async () => {
    const fired: string[] = [];
    const start = performance.now();
    const cancelled = systemClock.after(1, () => fired.push('cancelled'));
    cancelled.cancel();
    await new Promise<void>((done) => {
      systemClock.after(20, () => {
        fired.push('due');
        done();
      });
      systemClock.after(-5, () => fired.push('late'));
    });
    expect(fired).toEqual(['late', 'due']);
    expect(performance.now() - start).toBeGreaterThanOrEqual(18);
  });

  test('takes a delay longer than a Node timer can hold without firing at once', async () => {
    let fired = false;
    const timer = systemClock.after(2 ** 40, () => {
      fired = true;
    });
    await pause(systemClock, 20);
    timer.cancel();
    expect(fired).toBe(false);
  });

  test('keeps the process alive only for a timer that holds', () => {
    const run = (hold: boolean) => {
      const program = `
        import { systemClock } from ${JSON.stringify(new URL('clock.ts', import.meta.url).href)};
        systemClock.after(300, () => console.log('fired'), ${hold});`;
      return spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }).stdout;
    };
    expect(run(false)).toBe('');
    expect(run(true)).toBe('fired\n');
  });
});
