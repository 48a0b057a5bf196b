import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { type Audit, wallTime } from './audit.ts';
import { type Database, type Statement, UnitRefused } from './database.ts';
import type { History } from './history.ts';
import type { Leases } from './leases.ts';
import type { SessionKeys } from './session-keys.ts';
import type { SessionRow, SessionRows } from './session-rows.ts';
import type { Sessions, StoredSession } from './store.ts';
import type { Tally } from './tally.ts';

const UPDATE =
  'UPDATE sessions SET title_sealed = ?, user_sealed = ?, metadata_sealed = ?, revision = ?, updated_at = ? WHERE id = ? AND revision = ?';
/** Raised first, so that whoever holds a lease or a cached key can write nothing any more; it also takes the row's lock. */
const END_EPOCH = 'UPDATE sessions SET epoch = epoch + 1 WHERE id = ?';
const ERASURE = [
  'DELETE FROM session_keys WHERE session_id = ?',
  'DELETE FROM messages WHERE session_id = ?',
  'DELETE FROM steps WHERE turn_id IN (SELECT id FROM turns WHERE session_id = ?)',
  'DELETE FROM idempotency WHERE turn_id IN (SELECT id FROM turns WHERE session_id = ?)',
  'DELETE FROM turns WHERE session_id = ?',
  'DELETE FROM outbox WHERE session_id = ?',
  'DELETE FROM sessions WHERE id = ?',
] as const;
const UPDATE_TRIES_MAX = 3;

export interface SessionsParts {
  db: Database;
  clock: Clock;
  audit: Audit;
  keys: SessionKeys;
  rows: SessionRows;
  leases: Leases;
  history: History;
  tally: Tally;
  holder: string;
}

export function createSessions(parts: SessionsParts): Sessions {
  const { db, clock, audit, keys, rows, leases, history, tally, holder } = parts;

  function forget(id: string): void {
    leases.forget(id);
    keys.forget(id);
    history.forget(id);
  }

  return {
    async create({ id, principal, requestId, title, user, metadata, current }) {
      const { key, statement } = keys.make(id);
      const facts = { title: title ?? null, user: user ?? null, metadata: metadata ?? {} };
      const session = { id, tenant: principal.tenant, principal: principal.id, facts, at: wallTime(clock) };
      const insert = rows.insert({ ...session, epoch: 1, holder, nextNo: 1, messages: 0, turns: 0 }, key);
      await writeOrConflict(db, {
        statements: [insert, statement, ...(current ? [rows.setCurrent(id)] : [])],
        audit: [audit.entry(principal.tenant, { principal: principal.id, action: 'session.create', target: id, requestId, outcome: 'ok' })],
      });
      tally.created({ session: true, turn: false, messages: 0 });
      return stored(await rows.get(id));
    },

    async get(id, owner) {
      const session = await rows.get(id, owner);
      return session && stored(session);
    },
    list: (query) => rows.list(query),
    async current() {
      const session = await rows.current();
      return session && stored(session);
    },

    async update(id, by, change) {
      const facts = change.title !== undefined || change.metadata !== undefined;
      for (let tries = 1; ; tries += 1) {
        const session = found(await rows.get(id));
        const statements: Statement[] = [];
        if (facts) statements.push(await updated(session, change));
        if (change.current) statements.push(rows.setCurrent(id));
        if (statements.length === 0) return stored(session);
        const act = { principal: by.principal.id, action: 'session.update' as const, target: id, requestId: by.requestId, outcome: 'ok' };
        try {
          await db.write({ statements, audit: [audit.entry(session.tenant, act)] });
          return stored(await rows.get(id));
        } catch (error) {
          if (!(error instanceof UnitRefused)) throw error;
          if (tries >= UPDATE_TRIES_MAX) throw new AppError('conflict', { cause: error });
        }
      }
    },

    async erase(id, { principal, requestId }) {
      const session = found(await rows.get(id));
      const turns = await tally.ofSession(id);
      const statements: Statement[] = [
        { sql: END_EPOCH, values: [id], changes: 1, guard: 'session' },
        ...ERASURE.map((sql): Statement => ({ sql, values: [id] })),
      ];
      const act = { principal: principal.id, action: 'session.delete' as const, target: id, requestId, outcome: 'ok' };
      const detail = { messages: session.messageCount, turns: session.turnCount };
      try {
        await db.write({ statements, audit: [audit.entry(session.tenant, { ...act, detail })], scrub: true });
        tally.erased(turns, session.messageCount);
      } catch (error) {
        if (error instanceof UnitRefused) throw new AppError('not_found', { cause: error });
        tally.doubt();
        throw error;
      } finally {
        forget(id);
      }
    },
  };

  async function updated(session: SessionRow, change: { title?: string | null; metadata?: Record<string, unknown> }): Promise<Statement> {
    const key = await keys.find(session.id);
    if (!key) throw new AppError('internal', { sentence: 'The key of this session cannot be opened.' });
    const facts = {
      title: change.title === undefined ? session.title : change.title,
      user: session.user,
      metadata: change.metadata ?? session.metadata,
    };
    const revision = session.revision + 1;
    return {
      sql: UPDATE,
      values: [...rows.sealed(session, key, revision, facts), revision, wallTime(clock), session.id, session.revision],
      changes: 1,
      guard: 'revision',
    };
  }
}

async function writeOrConflict(db: Database, unit: Parameters<Database['write']>[0]): Promise<void> {
  try {
    await db.write(unit);
  } catch (error) {
    throw error instanceof UnitRefused ? new AppError('conflict', { cause: error }) : error;
  }
}

function found(session: SessionRow | undefined): SessionRow {
  if (!session) throw new AppError('not_found');
  return session;
}

function stored(row: SessionRow | undefined): StoredSession {
  const { revision: _, ...session } = found(row);
  return session;
}
