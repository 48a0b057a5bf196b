import { z } from 'zod';
import { isId } from '../base/ids.ts';
import { wallTime } from './audit.ts';
import { bytesOf, textOf, timeOf } from './columns.ts';
import type { Logins, StoredLogin } from './credentials.ts';
import { readRows } from './damaged-rows.ts';
import { type Row, type Statement, UnitRefused } from './database.ts';
import { type KeysParts, writeUses } from './keys.ts';
import { badCursor } from './messages.ts';

/** Of one principal. With as many keys as there may be, this bounds them all. */
export const LOGINS_PER_PRINCIPAL_MAX = 20;
/** Rows one look at a principal's sign-ins may find: the surplus of calls that raced each other goes at the next. */
const SURPLUS_MAX = 1_000;
const LIVE_MAX = 25_000;

const COLUMNS = 'id, tenant, last_used_at, facts_sealed';
const LIVE = `SELECT ${COLUMNS} FROM logins WHERE expires_at > ? AND last_used_at + idle_ms > ? ORDER BY id DESC LIMIT ${LIVE_MAX}`;
const INSERT = 'INSERT INTO logins (id, tenant, principal, expires_at, idle_ms, last_used_at, facts_sealed) VALUES (?, ?, ?, ?, ?, ?, ?)';
const SURPLUS = `SELECT id FROM logins WHERE principal = ? ORDER BY id DESC LIMIT ${SURPLUS_MAX} OFFSET ${LOGINS_PER_PRINCIPAL_MAX - 1}`;
const END = 'DELETE FROM logins WHERE id = ?';
const USED = 'UPDATE logins SET last_used_at = ? WHERE id = ? AND last_used_at < ?';
const SWEEP = 'DELETE FROM logins WHERE expires_at <= ? OR last_used_at + idle_ms <= ?';

/** All that decides about a sign-in, in one record. */
const factsSchema = z.object({
  principal: z.string(),
  role: z.enum(['admin', 'client']),
  how: z.enum(['link', 'key']),
  digest: z.string(),
  keyDigest: z.string().nullable(),
  createdAt: z.number(),
  expiresAt: z.number(),
  idleMs: z.number(),
});

export function createLogins({ db, clock, log, seals, audit, tenant, tenantKey }: KeysParts): Logins {
  const place = (id: string) => ({ tenant, sessionId: '', rowId: id, seq: 0 });
  const opened = (rows: Row[]): StoredLogin[] =>
    readRows(log, 'logins', rows, clearOf).flatMap(({ id, lastUsedAt, record }) => {
      const facts = factsSchema.safeParse(seals.open('logins.facts_sealed', tenantKey, place(id), record)?.value).data;
      return facts ? [{ ...facts, id, tenant, lastUsedAt }] : [];
    });

  return {
    async create({ id, ...given }, { requestId, source }) {
      const at = wallTime(clock);
      const facts = { ...given, createdAt: at };
      const { principal, how, expiresAt, idleMs } = given;
      const surplus = (await db.read(SURPLUS, [principal])).map((row) => textOf(row, 'id'));
      const record = seals.seal('logins.facts_sealed', tenantKey, place(id), facts);
      const statements: Statement[] = [
        ...surplus.map((old): Statement => ({ sql: END, values: [old] })),
        { sql: INSERT, values: [id, tenant, principal, expiresAt, idleMs, at, record], changes: 1, guard: 'login' },
      ];
      const detail = { how, source, ...(surplus.length > 0 && { ended: surplus.length }) };
      const act = { principal, action: 'login' as const, target: id, requestId, outcome: 'ok', detail };
      await db.write({ statements, audit: [audit.entry(tenant, act)] });
      return { login: { ...facts, id, tenant, lastUsedAt: at }, ended: surplus };
    },

    async end(id, action, { principal, requestId }) {
      const entry = audit.entry(tenant, { principal, action, target: id, requestId, outcome: 'ok' });
      try {
        await db.write({ statements: [{ sql: END, values: [id], changes: 1, guard: 'login' }], audit: [entry], scrub: true });
        return true;
      } catch (error) {
        if (error instanceof UnitRefused) return false;
        throw error;
      }
    },

    async list({ principal, cursor, limit }) {
      if (cursor !== undefined && !isId(cursor, 'lgn')) throw badCursor();
      const conditions = [...(principal === undefined ? [] : ['principal = ?']), ...(cursor === undefined ? [] : ['id < ?'])];
      const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
      const values = [principal, cursor].filter((value) => value !== undefined);
      const rows = await db.read(`SELECT ${COLUMNS} FROM logins ${filter} ORDER BY id DESC LIMIT ?`, [...values, limit + 1]);
      const page = rows.slice(0, limit);
      const last = page.map(({ id }) => id).findLast((id): id is string => typeof id === 'string' && isId(id, 'lgn'));
      return { items: opened(page), nextCursor: rows.length > limit ? (last ?? null) : null };
    },
    async live() {
      const now = wallTime(clock);
      return opened(await db.read(LIVE, [now, now]));
    },
    used: (uses) => writeUses(db, USED, uses),
    async sweep() {
      const now = wallTime(clock);
      await db.write({ statements: [{ sql: SWEEP, values: [now, now] }] });
    },
  };
}

const clearOf = (row: Row) => ({
  id: textOf(row, 'id'),
  lastUsedAt: timeOf(row, 'last_used_at'),
  record: bytesOf(row, 'facts_sealed'),
});
