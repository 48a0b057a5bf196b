// One Idempotency-Key, one turn: per principal, for 24 hours, as HMACs.
import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { wallTime } from './audit.ts';
import { bytesOf, numberOf, textOf } from './columns.ts';
import type { Database, Statement } from './database.ts';

const KEPT_MS = 24 * 60 * 60 * 1000;
const SWEPT_AT_ONCE = 500;

const FIND = 'SELECT body_mac, turn_id FROM idempotency WHERE principal = ? AND key_mac = ? AND created_at > ?';
// A key past its day may be taken again; one within it changes no row, and that refuses the unit.
const CLAIM =
  'INSERT INTO idempotency (principal, key_mac, body_mac, turn_id, created_at) VALUES (?, ?, ?, ?, ?) ' +
  'ON CONFLICT (principal, key_mac) DO UPDATE SET body_mac = excluded.body_mac, turn_id = excluded.turn_id, created_at = excluded.created_at ' +
  'WHERE idempotency.created_at <= ?';
const OLDEST = 'SELECT turn_id FROM idempotency ORDER BY turn_id LIMIT ?';
const COUNT_EXPIRED = `SELECT COUNT(*) AS n FROM idempotency WHERE turn_id IN (${OLDEST}) AND created_at <= ?`;
const SWEEP = `DELETE FROM idempotency WHERE turn_id IN (${OLDEST}) AND created_at <= ?`;

export const IDEMPOTENCY_GUARD = 'idempotency';

export interface UsedKey {
  principal: string;
  keyMac: Uint8Array;
  bodyMac: Uint8Array;
}

export interface Idempotency {
  used(principal: string, given: { key: string; body: string }): UsedKey;
  find(used: UsedKey): Promise<{ turnId: string; sameBody: boolean } | undefined>;
  /** Refuses its unit with IDEMPOTENCY_GUARD when the key belongs to another turn. */
  claim(used: UsedKey, turnId: string): Statement;
  /** Deletes keys past their day, in small units. */
  sweep(): Promise<void>;
}

export function createIdempotency({ db, keyring, clock }: { db: Database; keyring: Keyring; clock: Clock }): Idempotency {
  return {
    used: (principal, { key, body }) => ({
      principal,
      keyMac: keyring.mac('idempotency', 'key', principal, key),
      bodyMac: keyring.mac('idempotency', 'body', principal, body),
    }),
    async find({ principal, keyMac, bodyMac }) {
      const [row] = await db.read(FIND, [principal, keyMac, wallTime(clock) - KEPT_MS]);
      if (!row) return undefined;
      const known = bytesOf(row, 'body_mac');
      return { turnId: textOf(row, 'turn_id'), sameBody: known.length === bodyMac.length && timingSafeEqual(known, bodyMac) };
    },
    claim({ principal, keyMac, bodyMac }, turnId) {
      const now = wallTime(clock);
      return {
        sql: CLAIM,
        values: [principal, keyMac, bodyMac, turnId, now, now - KEPT_MS],
        changes: 1,
        guard: IDEMPOTENCY_GUARD,
      };
    },
    async sweep() {
      for (let expired = SWEPT_AT_ONCE; expired === SWEPT_AT_ONCE; ) {
        const until = wallTime(clock) - KEPT_MS;
        const [row] = await db.read(COUNT_EXPIRED, [SWEPT_AT_ONCE, until]);
        expired = row ? numberOf(row, 'n') : 0;
        if (expired > 0) await db.write({ statements: [{ sql: SWEEP, values: [SWEPT_AT_ONCE, until] }] });
      }
    },
  };
}
