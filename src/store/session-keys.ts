// The key of each session: wrapped in the data, unwrapped in a bounded cache. Deleting the wrapped one is what erases a session.
import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Keyring } from '../crypto/keyring.ts';
import type { SessionKey } from '../crypto/types.ts';
import { bytesOf, numberOf } from './columns.ts';
import type { Database, Row, Statement } from './database.ts';

const KEYS_MAX = 10_000;
const KEPT_MS = 10 * 60 * 1000;

const FIND = 'SELECT version, drk_version, wrapped, commitment FROM session_keys WHERE session_id = ?';
const INSERT = 'INSERT INTO session_keys (session_id, version, drk_version, wrapped, commitment) VALUES (?, ?, ?, ?, ?)';

export interface SessionKeys {
  /** A new key and the statement that stores it wrapped. */
  make(sessionId: string): { key: SessionKey; statement: Statement };
  /** Undefined when there is none, or when it does not open: then no record of the session does. */
  find(sessionId: string): Promise<SessionKey | undefined>;
  /** The same from a row that carries the four columns; they are null where the key is gone. */
  fromRow(sessionId: string, row: Row): SessionKey | undefined;
  forget(sessionId: string): void;
  /** Drops what is past its time. */
  prune(): void;
}

export interface SessionKeysParts {
  db: Database;
  keyring: Keyring;
  clock: Clock;
  log: Logger;
}

export function createSessionKeys({ db, keyring, clock, log }: SessionKeysParts): SessionKeys {
  const perf = { now: () => clock.monotonic() };
  const warm = new LRUCache<string, SessionKey>({ max: KEYS_MAX, ttl: KEPT_MS, ttlResolution: 0, perf });
  /** Moves on when a key is forgotten, so that a look-up under way does not bring it back. */
  let forgotten = 0;

  function unwrap(sessionId: string, row: Row): SessionKey | undefined {
    if (row.wrapped === null || row.wrapped === undefined) return undefined;
    try {
      return keyring.unwrapSessionKey(sessionId, {
        version: numberOf(row, 'version'),
        drkVersion: numberOf(row, 'drk_version'),
        wrapped: bytesOf(row, 'wrapped'),
        commitment: bytesOf(row, 'commitment'),
      });
    } catch {
      // Always the same opaque reason; the session is what an operator needs.
      log.error('record.damaged', { part: 'session_keys.wrapped', sessionId });
      return undefined;
    }
  }

  return {
    make(sessionId) {
      const { key, wrapped } = keyring.newSessionKey(sessionId);
      const { version, drkVersion, commitment } = wrapped;
      return {
        key,
        statement: {
          sql: INSERT,
          values: [sessionId, version, drkVersion, wrapped.wrapped, commitment],
          changes: 1,
          guard: 'session',
        },
      };
    },
    async find(sessionId) {
      const known = warm.get(sessionId);
      if (known) return known;
      const before = forgotten;
      const [row] = await db.read(FIND, [sessionId]);
      const key = row && unwrap(sessionId, row);
      if (key && before === forgotten) warm.set(sessionId, key);
      return key;
    },
    fromRow: (sessionId, row) => warm.get(sessionId) ?? unwrap(sessionId, row),
    forget(sessionId) {
      forgotten += 1;
      warm.delete(sessionId);
    },
    prune: () => void warm.purgeStale(),
  };
}
