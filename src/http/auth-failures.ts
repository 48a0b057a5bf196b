import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Store } from '../store/store.ts';

/** Sources counted one by one; everyone beyond shares one row. */
const SOURCES_MAX = 1_024;
const WINDOW_MS = 60_000;
const OTHERS = 'others';

export interface AuthFailures {
  /** Counts one refused request. Never throws, never waits. */
  note(source: string, requestId: string): void;
  /** Writes what is counted and not yet written. */
  flush(): Promise<void>;
}

interface Counted {
  /** Refusals since the last row. */
  pending: number;
  requestId: string;
  /** Monotonic time of the last row. */
  writtenAt: number;
}

/**
 * Refused credentials in the audit: the first of a source at once, then at most one row a minute with the number since. A stranger
 * can so neither hide nor fill the disk.
 */
export function createAuthFailures(parts: { clock: Clock; log: Logger; store: Pick<Store, 'audit'> }): AuthFailures {
  const { clock, log, store } = parts;
  const sources = new Map<string, Counted>();
  let timer: Timer | undefined;

  async function write(source: string, counted: Counted): Promise<void> {
    const { pending: count, requestId } = counted;
    counted.pending = 0;
    counted.writtenAt = clock.monotonic();
    try {
      await store.audit({
        principal: 'anonymous',
        action: 'auth.refuse',
        target: source,
        requestId,
        outcome: 'unauthenticated',
        detail: { count },
      });
    } catch (error) {
      log.warn('audit.failed', { requestId, count, error });
    }
  }

  function sweep(): void {
    timer = undefined;
    const due = clock.monotonic() - WINDOW_MS;
    for (const [source, counted] of sources) {
      if (counted.writtenAt > due) continue;
      if (counted.pending > 0) void write(source, counted);
      else sources.delete(source);
    }
    if (sources.size > 0) arm();
  }
  function arm(): void {
    timer ??= clock.after(WINDOW_MS, sweep);
  }

  return {
    note(from, requestId) {
      const net = network(from);
      const source = sources.has(net) || sources.size < SOURCES_MAX ? net : OTHERS;
      const counted = sources.get(source);
      if (counted) {
        counted.pending++;
        counted.requestId = requestId;
        return;
      }
      const first = { pending: 1, requestId, writtenAt: 0 };
      sources.set(source, first);
      void write(source, first);
      arm();
    },
    async flush() {
      timer?.cancel();
      timer = undefined;
      await Promise.all([...sources].filter(([, counted]) => counted.pending > 0).map(([source, counted]) => write(source, counted)));
      sources.clear();
    },
  };
}

/** One IPv6 customer holds a whole /64, so that counts as one source. */
export function network(address: string): string {
  if (!address.includes(':') || address.includes('.') || address === '::1') return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) while (groups.length + (tail === '' ? 0 : tail.split(':').length) < 8) groups.push('0');
  return `${groups.slice(0, 4).join(':')}::/64`;
}
