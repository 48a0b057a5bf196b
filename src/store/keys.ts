import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { isId } from '../base/ids.ts';
import type { Logger } from '../base/log.ts';
import type { SessionKey } from '../crypto/types.ts';
import { type Audit, wallTime } from './audit.ts';
import { bytesOf, textOf, timeOrNull, wholeOf } from './columns.ts';
import type { By, Keys, StoredKey, Use } from './credentials.ts';
import { readRows } from './damaged-rows.ts';
import { type Database, type Row, type Statement, UnitRefused } from './database.ts';
import { badCursor } from './messages.ts';
import type { Seals } from './seals.ts';

/** Keys that are not revoked; all of them are in memory. */
const KEYS_MAX = 1_000;
/** Revoked ones that are still told apart in lists; the audit keeps every one's end. */
const REVOKED_MAX = 1_000;
const USES_PER_UNIT_MAX = 200;
const REVOKE_TRIES_MAX = 3;

const COLUMNS = 'id, tenant, revision, last_used_at, facts_sealed';
const FIND = `SELECT ${COLUMNS} FROM api_keys WHERE id = ?`;
const LIVE = `SELECT ${COLUMNS} FROM api_keys WHERE revoked_at IS NULL ORDER BY id LIMIT ${KEYS_MAX}`;
const INSERT =
  'INSERT INTO api_keys (id, tenant, revision, last_used_at, revoked_at, facts_sealed) SELECT ?, ?, ?, NULL, NULL, ? ' +
  `WHERE (SELECT COUNT(*) FROM api_keys WHERE revoked_at IS NULL) < ${KEYS_MAX}`;
const REVOKE =
  'UPDATE api_keys SET facts_sealed = ?, revision = ?, revoked_at = ?, last_used_at = COALESCE(?, last_used_at) WHERE id = ? AND revision = ?';
const END_LOGINS = 'DELETE FROM logins WHERE principal = ?';
const FORGET_OLD =
  'DELETE FROM api_keys WHERE revoked_at IS NOT NULL AND id NOT IN ' +
  `(SELECT id FROM api_keys WHERE revoked_at IS NOT NULL ORDER BY revoked_at DESC, id DESC LIMIT ${REVOKED_MAX})`;
const USED = 'UPDATE api_keys SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)';
const FIRST_REVISION = 1;

/** All that decides about a key, in one record. */
const factsSchema = z.object({
  name: z.string(),
  role: z.enum(['admin', 'client']),
  digest: z.string().nullable(),
  createdBy: z.string(),
  createdAt: z.number(),
  expiresAt: z.number().nullable(),
  revokedAt: z.number().nullable(),
});
type Facts = z.infer<typeof factsSchema>;

export interface KeysParts {
  db: Database;
  clock: Clock;
  log: Logger;
  seals: Seals;
  audit: Audit;
  tenant: string;
  /** Seals what belongs to no session. */
  tenantKey: SessionKey;
}

export function createKeys({ db, clock, log, seals, audit, tenant, tenantKey }: KeysParts): Keys {
  const place = (id: string, revision: number) => ({ tenant, sessionId: '', rowId: id, seq: revision });
  const sealed = (id: string, revision: number, facts: Facts) => seals.seal('api_keys.facts_sealed', tenantKey, place(id, revision), facts);

  function opened({ id, revision, lastUsedAt, record }: ClearKey): StoredKey | undefined {
    const facts = factsSchema.safeParse(seals.open('api_keys.facts_sealed', tenantKey, place(id, revision), record)?.value).data;
    return facts && { ...facts, id, tenant, lastUsedAt };
  }
  const openedAll = (rows: Row[]): StoredKey[] =>
    readRows(log, 'api_keys', rows, clearOf)
      .map(opened)
      .filter((key) => key !== undefined);

  async function revoked(id: string, by: By, usedAt: number | null): Promise<StoredKey | undefined> {
    const [row] = readRows(log, 'api_keys', await db.read(FIND, [id]), clearOf);
    if (!row) return undefined;
    const found = opened(row);
    if (found && found.revokedAt !== null) return found;
    // One that does not open is revoked all the same: nobody can say any more what it was.
    const { name, role, createdBy, createdAt, expiresAt } = found ?? UNKNOWN;
    const at = wallTime(clock);
    const ended: Facts = { name, role, createdBy, createdAt, expiresAt, digest: null, revokedAt: at };
    const { revision } = row;
    const statements: Statement[] = [
      { sql: REVOKE, values: [sealed(id, revision + 1, ended), revision + 1, at, usedAt, id, revision], changes: 1, guard: 'key' },
      { sql: END_LOGINS, values: [id] },
      { sql: FORGET_OLD, values: [] },
    ];
    const act = { principal: by.principal, action: 'key.revoke' as const, target: id, requestId: by.requestId, outcome: 'ok' };
    // As urgent as an erasure: tried on a full disk too, and no older copy of the record stays in the log of the engine.
    await db.write({ statements, audit: [audit.entry(tenant, { ...act, detail: { role: ended.role } })], scrub: true });
    return { ...ended, id, tenant, lastUsedAt: usedAt ?? row.lastUsedAt };
  }

  return {
    async create({ id, name, role, digest, expiresAt }, by) {
      const facts: Facts = { name, role, digest, createdBy: by.principal, createdAt: wallTime(clock), expiresAt, revokedAt: null };
      const insert = { sql: INSERT, values: [id, tenant, FIRST_REVISION, sealed(id, FIRST_REVISION, facts)], changes: 1, guard: 'keys' };
      const detail = { role, ...(expiresAt !== null && { expiresAt: new Date(expiresAt).toISOString() }) };
      const act = { principal: by.principal, action: 'key.create' as const, target: id, requestId: by.requestId, outcome: 'ok', detail };
      try {
        await db.write({ statements: [insert], audit: [audit.entry(tenant, act)] });
      } catch (error) {
        if (!(error instanceof UnitRefused)) throw error;
        throw new AppError('conflict', { sentence: `There are ${KEYS_MAX} keys already; revoke some first.`, cause: error });
      }
      return { ...facts, id, tenant, lastUsedAt: null };
    },

    async revoke(id, by, usedAt) {
      for (let tries = 1; ; tries += 1) {
        try {
          return await revoked(id, by, usedAt);
        } catch (error) {
          if (!(error instanceof UnitRefused)) throw error;
          if (tries >= REVOKE_TRIES_MAX) throw new AppError('conflict', { cause: error });
        }
      }
    },

    async list({ cursor, limit, revoked: withRevoked }) {
      if (cursor !== undefined && !isId(cursor, 'key')) throw badCursor();
      const conditions = [...(withRevoked ? [] : ['revoked_at IS NULL']), ...(cursor === undefined ? [] : ['id < ?'])];
      const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
      const values = cursor === undefined ? [] : [cursor];
      const rows = await db.read(`SELECT ${COLUMNS} FROM api_keys ${filter} ORDER BY id DESC LIMIT ?`, [...values, limit + 1]);
      const page = rows.slice(0, limit);
      const last = page.map(({ id }) => id).findLast((id): id is string => typeof id === 'string' && isId(id, 'key'));
      return { items: openedAll(page), nextCursor: rows.length > limit ? (last ?? null) : null };
    },
    live: async () => openedAll(await db.read(LIVE)),
    used: (uses) => writeUses(db, USED, uses),
  };
}

/** In units of a bounded size; what was used later than a row says wins. */
export async function writeUses(db: Database, sql: string, uses: readonly Use[]): Promise<void> {
  for (let start = 0; start < uses.length; start += USES_PER_UNIT_MAX) {
    const some = uses.slice(start, start + USES_PER_UNIT_MAX);
    await db.write({ statements: some.map(({ id, at }) => ({ sql, values: [at, id, at] })) });
  }
}

const UNKNOWN: Omit<Facts, 'digest' | 'revokedAt'> = { name: '', role: 'client', createdBy: '', createdAt: 0, expiresAt: null };

interface ClearKey {
  id: string;
  tenant: string;
  revision: number;
  lastUsedAt: number | null;
  record: Uint8Array;
}

const clearOf = (row: Row): ClearKey => ({
  id: textOf(row, 'id'),
  tenant: textOf(row, 'tenant'),
  revision: wholeOf(row, 'revision'),
  lastUsedAt: timeOrNull(row, 'last_used_at'),
  record: bytesOf(row, 'facts_sealed'),
});
