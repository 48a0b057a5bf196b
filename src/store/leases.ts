// Who may write a session. A lease is taken by raising the session's epoch; every write carries the epoch and is refused in its own
// transaction when it is old. A session with a lease is warm: its key, its next place and its epoch are known here.
import { AppError } from '../base/errors.ts';
import type { SessionKey } from '../crypto/types.ts';
import { type Statement, type Unit, UnitRefused } from './database.ts';
import { SLOT } from './store.ts';
import { createWarmLeases, type Lease, type LeaseParts, newLease } from './warm-leases.ts';

export type { Lease } from './warm-leases.ts';

/** A write that failed because another of our own failed before it is tried again this often. */
const TRIES_MAX = 3;
/** Anchors whose next place a lease remembers when nothing is under way. */
const PLACES_KEPT = 64;

const HOLD =
  'UPDATE sessions SET epoch = ?, holder = ?, next_no = ?, turn_count = turn_count + ?, message_count = message_count + ?, updated_at = ? ' +
  'WHERE id = ? AND epoch = ?';
const LAST_SEQ = 'SELECT MAX(seq) AS seq FROM messages WHERE session_id = ? AND seq >= ? AND seq < ?';

export const LEASE_GUARD = 'lease';
/** Two writers gave out one place: cannot happen while leases hold, and is refused by the data if it does. */
export const PLACE_GUARD = 'place';

/** What a write adds to its session. */
export interface Growth {
  turns: number;
  messages: number;
  at: number;
}

export interface WriteOptions {
  /** The lease may be taken from another holder: only for work that starts. Else losing it is a conflict. */
  take: boolean;
  /** The anchor under which messages are placed, when its next place must be known. */
  anchor?: number;
}

export interface Leases {
  /** The lease of a session that is about to be made; `adopt` it once it is. */
  fresh(session: { sessionId: string; tenant: string; principal: string; key: SessionKey }): Lease;
  adopt(lease: Lease): void;
  /** A warm lease that is held, else undefined. */
  peek(sessionId: string): Lease | undefined;
  /**
   * Builds a unit under the session's lease and writes it. `build` runs without a pause between taking places and queueing, so that many
   * writes of one session may be under way, in order; it may run again. Rejects with AppError `conflict` when the lease is another's,
   * `not_found` when there is no such session, else as `Database.write` does.
   */
  write(sessionId: string, options: WriteOptions, build: (lease: Lease) => Unit): Promise<Lease>;
  /** For a fresh lease: the same bookkeeping, without guards. */
  writeFirst(lease: Lease, unit: Unit): Promise<void>;
  /** The statement that guards a unit by the lease and counts what it adds. First in its unit: it takes the row's lock. */
  hold(lease: Lease, growth: Growth): Statement;
  takeNo(lease: Lease): number;
  takeSeq(lease: Lease, anchor: number): number;
  forget(sessionId: string): void;
  prune(): void;
}

export function createLeases(parts: LeaseParts): Leases {
  const { db, holder } = parts;
  const warm = createWarmLeases(parts);

  /** Settles `places` for the anchor, so that taking one needs no pause. */
  async function knowPlace(lease: Lease, anchor: number): Promise<void> {
    const from = anchor * SLOT;
    const [row] = await db.read(LAST_SEQ, [lease.sessionId, from, from + SLOT]);
    const last = row?.seq;
    if (!lease.places.has(anchor)) lease.places.set(anchor, typeof last === 'number' ? last - from + 1 : 0);
  }

  async function run(lease: Lease, unit: Unit): Promise<void> {
    warm.writing(lease);
    try {
      await db.write(unit);
    } catch (error) {
      warm.drop(lease);
      throw error;
    } finally {
      warm.wrote(lease);
    }
  }

  async function ready(sessionId: string, { take, anchor }: WriteOptions): Promise<Lease> {
    const lease = await warm.enter(sessionId);
    if (!lease) throw new AppError(take ? 'not_found' : 'conflict');
    if (!take && !lease.held) throw lost();
    if (anchor !== undefined && !lease.places.has(anchor)) await knowPlace(lease, anchor);
    return lease;
  }

  async function write(sessionId: string, options: WriteOptions, build: (lease: Lease) => Unit): Promise<Lease> {
    let failed: Lease | undefined;
    for (let tries = 1; ; ) {
      const lease = await ready(sessionId, options);
      if (!isReady(lease, options)) continue; // it was dropped in the pause of this `await`
      if (failed && !lease.held && lease.epoch >= failed.epoch) throw lost();
      try {
        await run(lease, build(lease));
        // Places are read again when they are forgotten; that is only right while nothing is under way.
        if (lease.busy === 0 && lease.places.size > PLACES_KEPT) lease.places.clear();
        return lease;
      } catch (error) {
        if (!(error instanceof UnitRefused) || (error.guard !== LEASE_GUARD && error.guard !== PLACE_GUARD)) throw error;
        if (tries >= TRIES_MAX) throw lost(error);
        tries += 1;
        failed = lease;
      }
    }
  }

  return {
    fresh: (session) => newLease(session, { epoch: 1, held: true, nextNo: 1 }),
    adopt: (lease) => warm.keep(lease),
    peek(sessionId) {
      const lease = warm.known(sessionId);
      return lease?.held && !lease.stale ? lease : undefined;
    },
    write,
    async writeFirst(lease, unit) {
      if (warm.known(lease.sessionId)) throw new AppError('conflict', { sentence: 'There is a session with this id.' });
      await run(lease, unit);
    },
    hold: (lease, growth) => holdStatement(lease, growth, holder),
    takeNo(lease) {
      const no = lease.nextNo;
      lease.nextNo += 1;
      return no;
    },
    takeSeq(lease, anchor) {
      const place = lease.places.get(anchor);
      if (place === undefined || place >= SLOT) throw new AppError('internal', { sentence: 'There is no place left under this message.' });
      lease.places.set(anchor, place + 1);
      return anchor * SLOT + place;
    },
    forget(sessionId) {
      const lease = warm.known(sessionId);
      if (lease) warm.drop(lease);
    },
    prune: () => warm.prune(),
  };
}

function holdStatement(lease: Lease, { turns, messages, at }: Growth, holder: string): Statement {
  const before = lease.epoch;
  if (!lease.held) {
    lease.epoch += 1;
    lease.held = true;
  }
  return {
    sql: HOLD,
    values: [lease.epoch, holder, lease.nextNo, turns, messages, at, lease.sessionId, before],
    changes: 1,
    guard: LEASE_GUARD,
  };
}

const isReady = (lease: Lease, { anchor }: WriteOptions): boolean => !lease.stale && (anchor === undefined || lease.places.has(anchor));

const lost = (cause?: unknown): AppError =>
  new AppError('conflict', { sentence: 'This session is written by another process now.', cause });
