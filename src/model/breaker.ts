// Circuit breaker of one model: learns from calls, closes only by its own background probe, never by a user's request.
import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';

export interface BreakerSettings {
  /** Opens at this share of failures … */
  failureShare: number;
  /** … of at least this many calls … */
  callsMin: number;
  /** … in this window, */
  windowMs: number;
  /** or at this many failures in a row. */
  inARow: number;
  probeMs: number;
  /** After this many failed probes … */
  probesFast: number;
  /** … they come this far apart. */
  probeSlowMs: number;
}

export const BREAKER_SETTINGS: BreakerSettings = {
  failureShare: 0.5,
  callsMin: 20,
  windowMs: 10_000,
  inARow: 5,
  probeMs: 5_000,
  probesFast: 10,
  probeSlowMs: 30_000,
};

/** A probe's interval varies by this share in either direction, so that replicas do not probe together. */
const PROBE_JITTER = 0.2;
const BUCKETS = 10;

export type Health = 'good' | 'bad' | 'bad_key';
export type BreakerState = 'ok' | 'open' | 'bad_key';

export interface Breaker {
  state(): BreakerState;
  /** How one call went. Ignored while open: calls that began before it opened prove nothing new. */
  record(health: Health): void;
  /** Failed probes since it opened. */
  probesFailed(): number;
  /** Stops probing. */
  close(): void;
}

export interface BreakerOptions {
  name: string;
  clock: Clock;
  random: () => number;
  log: Logger;
  settings: BreakerSettings;
  /** One smallest possible call. Must not reject. */
  probe(): Promise<Health>;
  /** Called after every change of state and every failed probe. */
  onChange(): void;
}

export function createBreaker(options: BreakerOptions): Breaker {
  const { name, clock, settings, log } = options;
  const window = createWindow(clock, settings.windowMs);
  let state: BreakerState = 'ok';
  let failuresInARow = 0;
  let probesFailed = 0;
  let timer: Timer | undefined;
  let closed = false;

  function open(reason: 'open' | 'bad_key'): void {
    state = reason;
    probesFailed = 0;
    if (reason === 'bad_key') log.error('breaker.open', { model: name, reason });
    else log.warn('breaker.open', { model: name, reason: failuresInARow >= settings.inARow ? 'in_a_row' : 'share' });
    schedule(clock.monotonic());
    options.onChange();
  }

  /** Intervals count from the start of a probe: a silent model must not stretch them. */
  function schedule(from: number): void {
    if (closed) return;
    const interval = probesFailed < settings.probesFast ? settings.probeMs : settings.probeSlowMs;
    const jitter = 1 - PROBE_JITTER + 2 * PROBE_JITTER * options.random();
    timer = clock.after(Math.max(0, from + interval * jitter - clock.monotonic()), () => void probe());
  }

  async function probe(): Promise<void> {
    const startedAt = clock.monotonic();
    const health = await options.probe();
    if (closed) return;
    log.info('breaker.probe', { model: name, state: health, count: probesFailed + 1, ms: Math.round(clock.monotonic() - startedAt) });
    if (health === 'good') {
      state = 'ok';
      failuresInARow = 0;
      window.clear();
      log.info('breaker.close', { model: name, count: probesFailed + 1 });
    } else {
      state = health === 'bad_key' ? 'bad_key' : 'open';
      probesFailed += 1;
      schedule(startedAt);
    }
    options.onChange();
  }

  return {
    state: () => state,
    probesFailed: () => probesFailed,
    record(health) {
      if (state !== 'ok' || closed) return;
      window.add(health !== 'good');
      failuresInARow = health === 'good' ? 0 : failuresInARow + 1;
      if (health === 'bad_key') open('bad_key');
      else if (failuresInARow >= settings.inARow) open('open');
      else if (health === 'bad') {
        const { calls, failures } = window.sum();
        if (calls >= settings.callsMin && failures >= calls * settings.failureShare) open('open');
      }
    },
    close() {
      closed = true;
      timer?.cancel();
    },
  };
}

interface Window {
  add(failed: boolean): void;
  sum(): { calls: number; failures: number };
  clear(): void;
}

/** Counts of the last `windowMs`, in ten buckets. */
function createWindow(clock: Clock, windowMs: number): Window {
  const buckets = Array.from({ length: BUCKETS }, () => ({ slot: -1, calls: 0, failures: 0 }));
  const slotNow = () => Math.floor((clock.monotonic() / windowMs) * BUCKETS);
  return {
    add(failed) {
      const slot = slotNow();
      const bucket = buckets[slot % BUCKETS];
      if (!bucket) return;
      if (bucket.slot !== slot) Object.assign(bucket, { slot, calls: 0, failures: 0 });
      bucket.calls += 1;
      if (failed) bucket.failures += 1;
    },
    sum() {
      const oldest = slotNow() - BUCKETS;
      let calls = 0;
      let failures = 0;
      for (const bucket of buckets) {
        if (bucket.slot <= oldest) continue;
        calls += bucket.calls;
        failures += bucket.failures;
      }
      return { calls, failures };
    },
    clear() {
      for (const bucket of buckets) bucket.slot = -1;
    },
  };
}
