// Leases this process knows: the warm sessions. Bounded in number and age, except those with writes under way.
import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { SessionKey } from '../crypto/types.ts';
import { numberOf, textOf } from './columns.ts';
import type { Database, Row } from './database.ts';
import type { SessionKeys } from './session-keys.ts';

const WARM_MAX = 5_000;
const KEPT_MS = 10 * 60 * 1000;

const FIND =
  'SELECT s.tenant, s.principal, s.epoch, s.holder, s.next_no, k.version, k.drk_version, k.wrapped, k.commitment ' +
  'FROM sessions s LEFT JOIN session_keys k ON k.session_id = s.id WHERE s.id = ?';

export interface Lease {
  readonly sessionId: string;
  readonly tenant: string;
  readonly principal: string;
  readonly key: SessionKey;
  /** What the next write is guarded by. */
  epoch: number;
  /** False until a write of ours raised the epoch. */
  held: boolean;
  nextNo: number;
  /** Next free place under an anchor, for the anchors in use. */
  readonly places: Map<number, number>;
  /** Writes under way. While there are any, what the data says is behind. */
  busy: number;
  stale: boolean;
  readonly settled: (() => void)[];
}

export function newLease(
  session: Pick<Lease, 'sessionId' | 'tenant' | 'principal' | 'key'>,
  state: Pick<Lease, 'epoch' | 'held' | 'nextNo'>,
): Lease {
  return { ...session, ...state, places: new Map(), busy: 0, stale: false, settled: [] };
}

export interface WarmLeases {
  known(sessionId: string): Lease | undefined;
  /** The lease of a session, warm or read; undefined when there is no such session. Waits while a dropped one has writes under way. */
  enter(sessionId: string): Promise<Lease | undefined>;
  keep(lease: Lease): void;
  drop(lease: Lease): void;
  /** Around each write: a lease with writes under way must not age out, or its places would be given out twice. */
  writing(lease: Lease): void;
  wrote(lease: Lease): void;
  prune(): void;
}

export interface LeaseParts {
  db: Database;
  keys: SessionKeys;
  clock: Clock;
  /** This process, for as long as it runs. */
  holder: string;
  /** A lease was dropped: what was kept under it is no longer sure. */
  onDrop(sessionId: string): void;
}

export function createWarmLeases({ db, keys, clock, holder, onDrop }: LeaseParts): WarmLeases {
  const perf = { now: () => clock.monotonic() };
  const warm = new LRUCache<string, Lease>({ max: WARM_MAX, ttl: KEPT_MS, ttlResolution: 0, perf });
  /** Those with writes under way; bounded by the writer's queue. */
  const pinned = new Map<string, Lease>();
  const loading = new Map<string, Promise<Lease | undefined>>();
  /** Moves on when a lease is dropped: a look-up under way then looks again. */
  let drops = 0;

  const known = (sessionId: string): Lease | undefined => pinned.get(sessionId) ?? warm.get(sessionId);

  async function load(sessionId: string): Promise<Lease | undefined> {
    for (;;) {
      const before = drops;
      const [row] = await db.read(FIND, [sessionId]);
      if (before !== drops) continue;
      if (!row) return undefined;
      const lease = fromRow(sessionId, row);
      warm.set(sessionId, lease);
      return lease;
    }
  }

  function fromRow(sessionId: string, row: Row): Lease {
    const key = keys.fromRow(sessionId, row);
    if (!key) throw new AppError('internal', { sentence: 'The key of this session cannot be opened.' });
    const state = { epoch: numberOf(row, 'epoch'), held: row.holder === holder, nextNo: numberOf(row, 'next_no') };
    return newLease({ sessionId, tenant: textOf(row, 'tenant'), principal: textOf(row, 'principal'), key }, state);
  }

  return {
    known,
    async enter(sessionId) {
      for (let lease = known(sessionId); lease; lease = known(sessionId)) {
        if (!lease.stale) return lease;
        const { settled } = lease;
        await new Promise<void>((resolve) => settled.push(resolve));
      }
      const underWay = loading.get(sessionId) ?? load(sessionId).finally(() => loading.delete(sessionId));
      loading.set(sessionId, underWay);
      return underWay;
    },
    keep: (lease) => void warm.set(lease.sessionId, lease),
    drop(lease) {
      if (lease.stale) return;
      lease.stale = true;
      drops += 1;
      if (warm.get(lease.sessionId) === lease) warm.delete(lease.sessionId);
      onDrop(lease.sessionId);
    },
    writing(lease) {
      lease.busy += 1;
      pinned.set(lease.sessionId, lease);
    },
    wrote(lease) {
      lease.busy -= 1;
      if (lease.busy > 0) return;
      pinned.delete(lease.sessionId);
      for (const resolve of lease.settled.splice(0)) resolve();
    },
    prune: () => void warm.purgeStale(),
  };
}
