import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { network } from './auth-failures.ts';

/** Wrong proofs one source may show in a minute. */
const FAILURES_MAX = 10;
const WINDOW_MS = 60_000;
/** Sources counted one by one; everyone beyond shares one count. */
const SOURCES_MAX = 1_024;
const OTHERS = 'others';

export interface LoginLimits {
  /** Throws AppError `rate_limited` for a source that was wrong too often; nothing is looked at then, a right proof included. */
  check(source: string): void;
  failed(source: string): void;
}

export function createLoginLimits(clock: Clock): LoginLimits {
  const sources = new Map<string, { failures: number; since: number }>();

  function sweep(): void {
    const due = clock.monotonic() - WINDOW_MS;
    for (const [source, { since }] of sources) if (since <= due) sources.delete(source);
  }
  function nameOf(from: string): string {
    const net = network(from);
    if (sources.has(net) || sources.size < SOURCES_MAX) return net;
    sweep();
    return sources.size < SOURCES_MAX ? net : OTHERS;
  }

  return {
    check(source) {
      const counted = sources.get(nameOf(source));
      if (!counted || counted.failures < FAILURES_MAX) return;
      const leftMs = counted.since + WINDOW_MS - clock.monotonic();
      if (leftMs > 0) throw new AppError('rate_limited', { sentence: 'Too many failed sign-ins from here.', retryAfterMs: leftMs });
    },
    failed(source) {
      const name = nameOf(source);
      const counted = sources.get(name);
      const now = clock.monotonic();
      if (counted && counted.since + WINDOW_MS > now) counted.failures++;
      else sources.set(name, { failures: 1, since: now });
    },
  };
}
