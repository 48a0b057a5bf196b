// Sessions as rows: making, reading, opening.
import { isId } from '../base/ids.ts';
import type { Logger } from '../base/log.ts';
import type { Keyring } from '../crypto/keyring.ts';
import type { SessionKey } from '../crypto/types.ts';
import { bytesOrNull, textOf, timeOf, wholeOf } from './columns.ts';
import { damagedRecord, readRow, readRows } from './damaged-rows.ts';
import type { Database, Row, Statement, Value } from './database.ts';
import { badCursor } from './messages.ts';
import type { SealedColumn, Seals } from './seals.ts';
import type { SessionKeys } from './session-keys.ts';
import type { Listed, ListQuery, StoredSession } from './store.ts';

const COLUMNS =
  'id, tenant, principal, revision, message_count, turn_count, created_at, updated_at, title_sealed, user_sealed, metadata_sealed';
const FIND = `SELECT ${COLUMNS} FROM sessions WHERE id = ?`;
const FIND_OWN = `${FIND} AND principal = ?`;
const INSERT =
  'INSERT INTO sessions (id, tenant, principal, epoch, holder, next_no, message_count, turn_count, created_at, updated_at, revision, ' +
  'title_sealed, user_sealed, metadata_sealed, user_index) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';
const CURRENT_KEY = 'current_session';
const SET_CURRENT = 'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value';
const FIND_CURRENT = `SELECT ${COLUMNS} FROM sessions WHERE id = (SELECT value FROM meta WHERE key = ?)`;
export const FIRST_REVISION = 1;

/** What a session says about itself; all of it sealed. */
export interface SessionFacts {
  title: string | null;
  user: string | null;
  metadata: Record<string, unknown>;
}

export interface NewSession {
  id: string;
  tenant: string;
  principal: string;
  facts: SessionFacts;
  epoch: number;
  holder: string;
  nextNo: number;
  messages: number;
  turns: number;
  at: number;
}

export type SessionRow = StoredSession & { revision: number };

export interface SessionRows {
  insert(session: NewSession, key: SessionKey): Statement;
  /** The sealed columns at a revision, in the order title, user, metadata; null for what is not said. */
  sealed(session: { id: string; tenant: string }, key: SessionKey, revision: number, facts: SessionFacts): Value[];
  setCurrent(id: string): Statement;
  /** Rejects with AppError `internal` when the row is damaged. */
  get(id: string, owner?: string): Promise<SessionRow | undefined>;
  /** Undefined also when its row is damaged: whoever names no session then starts a new one. In `list` such a row is left out. */
  current(): Promise<SessionRow | undefined>;
  list(query: ListQuery): Promise<Listed<StoredSession>>;
}

export function createSessionRows({
  db,
  log,
  seals,
  keys,
  keyring,
}: {
  db: Database;
  log: Logger;
  seals: Seals;
  keys: SessionKeys;
  keyring: Keyring;
}): SessionRows {
  function sealed(session: { id: string; tenant: string }, key: SessionKey, revision: number, facts: SessionFacts): Value[] {
    const place = { tenant: session.tenant, sessionId: session.id, rowId: session.id, seq: revision };
    const seal = (column: SealedColumn, value: unknown) => (value === null ? null : seals.seal(column, key, place, value));
    return [
      seal('sessions.title_sealed', facts.title),
      seal('sessions.user_sealed', facts.user),
      seal('sessions.metadata_sealed', Object.keys(facts.metadata).length === 0 ? null : facts.metadata),
    ];
  }

  async function opened({ records, ...session }: ClearSession): Promise<SessionRow> {
    const { id, tenant, revision } = session;
    const place = { tenant, sessionId: id, rowId: id, seq: revision };
    const key = records.every((record) => record === null) ? undefined : await keys.find(id);
    const open = (column: SealedColumn, record: Uint8Array | null) =>
      record && key ? seals.open(column, key, place, record)?.value : undefined;
    return {
      ...session,
      title: (open('sessions.title_sealed', records[0]) as string | undefined) ?? null,
      user: (open('sessions.user_sealed', records[1]) as string | undefined) ?? null,
      metadata: (open('sessions.metadata_sealed', records[2]) as Record<string, unknown> | undefined) ?? {},
    };
  }

  async function first([row]: Row[]): Promise<SessionRow | 'damaged' | undefined> {
    if (!row) return undefined;
    const clear = readRow(log, 'sessions', row, clearOf);
    return clear ? opened(clear) : 'damaged';
  }

  return {
    insert(session, key) {
      const { id, tenant, principal, facts, epoch, holder, nextNo, messages, turns, at } = session;
      const index = facts.user === null ? null : keyring.mac('index', 'sessions.user', tenant, facts.user);
      const texts = sealed(session, key, FIRST_REVISION, facts);
      return {
        sql: INSERT,
        values: [id, tenant, principal, epoch, holder, nextNo, messages, turns, at, at, FIRST_REVISION, ...texts, index],
        changes: 1,
        guard: 'session',
      };
    },
    sealed,
    setCurrent: (id) => ({ sql: SET_CURRENT, values: [CURRENT_KEY, id], changes: 1 }),
    async get(id, owner) {
      const session = await first(await (owner === undefined ? db.read(FIND, [id]) : db.read(FIND_OWN, [id, owner])));
      if (session === 'damaged') throw damagedRecord();
      return session;
    },
    async current() {
      const session = await first(await db.read(FIND_CURRENT, [CURRENT_KEY]));
      return session === 'damaged' ? undefined : session;
    },
    async list({ principal, cursor, limit }) {
      if (cursor !== undefined && !isId(cursor, 'ses')) throw badCursor();
      const conditions = [...(principal === undefined ? [] : ['principal = ?']), ...(cursor === undefined ? [] : ['id < ?'])];
      const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
      const values = [principal, cursor].filter((value) => value !== undefined);
      const rows = await db.read(`SELECT ${COLUMNS} FROM sessions ${filter} ORDER BY id DESC LIMIT ?`, [...values, limit + 1]);
      const page = rows.slice(0, limit);
      const items = await Promise.all(readRows(log, 'sessions', page, clearOf).map(opened));
      const last = page.map(({ id }) => id).findLast((id): id is string => typeof id === 'string' && isId(id, 'ses'));
      return { items, nextCursor: rows.length > limit ? (last ?? null) : null };
    },
  };
}

type ClearSession = Omit<SessionRow, 'title' | 'user' | 'metadata'> & {
  records: readonly [title: Uint8Array | null, user: Uint8Array | null, metadata: Uint8Array | null];
};

function clearOf(row: Row): ClearSession {
  return {
    id: textOf(row, 'id'),
    tenant: textOf(row, 'tenant'),
    principal: textOf(row, 'principal'),
    revision: wholeOf(row, 'revision'),
    messageCount: wholeOf(row, 'message_count'),
    turnCount: wholeOf(row, 'turn_count'),
    createdAt: timeOf(row, 'created_at'),
    updatedAt: timeOf(row, 'updated_at'),
    records: [bytesOrNull(row, 'title_sealed'), bytesOrNull(row, 'user_sealed'), bytesOrNull(row, 'metadata_sealed')],
  };
}
