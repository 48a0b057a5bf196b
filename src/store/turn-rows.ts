// Turns as rows: reading, opening, listing.
import { isId } from '../base/ids.ts';
import type { Logger } from '../base/log.ts';
import { type TurnReason, type TurnStatus, turnReasonSchema, turnStatusSchema } from '../contract/turn.ts';
import type { SessionKey } from '../crypto/types.ts';
import { bytesOf, numberOf, numberOrNull, textOf, textOrNull } from './columns.ts';
import type { Database, Row, Value } from './database.ts';
import type { Leases } from './leases.ts';
import { badCursor } from './messages.ts';
import type { RowPlace, Seals } from './seals.ts';
import type { SessionKeys } from './session-keys.ts';
import type { Listed, ListQuery, StoredTurn, TurnOptions } from './store.ts';

const OPEN_MAX = 10_000;

const COLUMNS =
  'id, session_id, tenant, principal, request_id, no, anchor, status, reason, attempt, recoveries, retry_of, incomplete, model, ' +
  'input_tokens, output_tokens, created_at, completed_at, options_sealed';
const FIND = `SELECT ${COLUMNS} FROM turns WHERE id = ?`;
// The first condition is the one the partial index is made for; without it the planner cannot use the index.
const OPEN = `SELECT ${COLUMNS} FROM turns WHERE status <> 'completed' AND status IN ('queued', 'running') ORDER BY id LIMIT ?`;

/** A recovered turn whose options do not open still ends: with our defaults, not with a guess at what was asked. */
const OPTIONS_LOST: TurnOptions = { deadlineMs: 60_000, onUnavailable: 'fallback' };

export type TurnRow = StoredTurn & { incomplete: boolean };

export const optionsPlace = (turn: Pick<StoredTurn, 'id' | 'sessionId' | 'tenant' | 'no'>): RowPlace => ({
  tenant: turn.tenant,
  sessionId: turn.sessionId,
  rowId: turn.id,
  seq: turn.no,
});

export interface TurnRows {
  get(id: string): Promise<TurnRow | undefined>;
  open(): Promise<TurnRow[]>;
  list(query: ListQuery & { sessionId?: string; status?: TurnStatus; open?: boolean }): Promise<Listed<StoredTurn>>;
}

export interface TurnRowsParts {
  db: Database;
  log: Logger;
  seals: Seals;
  keys: SessionKeys;
  leases: Leases;
}

export function createTurnRows({ db, log, seals, keys, leases }: TurnRowsParts): TurnRows {
  async function openAll(rows: Row[]): Promise<TurnRow[]> {
    const opened: TurnRow[] = [];
    for (const row of rows) {
      const sessionId = textOf(row, 'session_id');
      const key = leases.peek(sessionId)?.key ?? (await keys.find(sessionId));
      opened.push(fromRow(row, key));
    }
    return opened;
  }

  function fromRow(row: Row, key: SessionKey | undefined): TurnRow {
    const turn = clearOf(row);
    const opened = key && seals.open('turns.options_sealed', key, optionsPlace(turn), bytesOf(row, 'options_sealed'));
    if (!opened) log.error('turn.options_lost', { turnId: turn.id, sessionId: turn.sessionId });
    return { ...turn, options: opened ? (opened.value as TurnOptions) : OPTIONS_LOST };
  }

  return {
    async get(id) {
      const [turn] = await openAll(await db.read(FIND, [id]));
      return turn;
    },
    open: async () => openAll(await db.read(OPEN, [OPEN_MAX])),
    async list(query) {
      const { sql, values } = listing(query);
      const rows = await db.read(sql, [...values, query.limit + 1]);
      const turns = (await openAll(rows.slice(0, query.limit))).map(({ incomplete: _, ...turn }) => turn);
      const last = turns.at(-1);
      const place = last && (query.sessionId === undefined ? last.id : String(last.no));
      return { items: turns, nextCursor: rows.length > query.limit && place ? place : null };
    },
  };
}

/** One of a few fixed texts. Newest first; within a session by place, else by id, which sorts by time. */
function listing({ principal, sessionId, status, open, cursor }: ListQuery & { sessionId?: string; status?: TurnStatus; open?: boolean }): {
  sql: string;
  values: Value[];
} {
  const order = sessionId === undefined ? 'id' : 'no';
  const conditions: string[] = [];
  const values: Value[] = [];
  const where = (condition: string, ...bound: Value[]) => {
    conditions.push(condition);
    values.push(...bound);
  };
  if (sessionId !== undefined) where('session_id = ?', sessionId);
  if (principal !== undefined) where('principal = ?', principal);
  if (status !== undefined) where(status === 'completed' ? 'status = ?' : `status <> 'completed' AND status = ?`, status);
  if (open) where(`status <> 'completed' AND status IN ('queued', 'running')`);
  if (cursor !== undefined) where(`${order} < ?`, cursorValue(cursor, sessionId !== undefined));
  const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return { sql: `SELECT ${COLUMNS} FROM turns ${filter} ORDER BY ${order} DESC LIMIT ?`, values };
}

function cursorValue(cursor: string, byPlace: boolean): Value {
  if (byPlace && /^\d{1,15}$/.test(cursor)) return Number(cursor);
  if (!byPlace && isId(cursor, 'trn')) return cursor;
  throw badCursor();
}

function clearOf(row: Row): Omit<TurnRow, 'options'> {
  const retryOf = textOrNull(row, 'retry_of');
  const reason = textOrNull(row, 'reason');
  return {
    id: textOf(row, 'id'),
    sessionId: textOf(row, 'session_id'),
    tenant: textOf(row, 'tenant'),
    principal: textOf(row, 'principal'),
    requestId: textOf(row, 'request_id'),
    no: numberOf(row, 'no'),
    anchor: numberOf(row, 'anchor'),
    status: turnStatusSchema.parse(row.status),
    ...(reason === null ? {} : { reason: reasonOf(reason) }),
    attempt: numberOf(row, 'attempt'),
    recoveries: numberOf(row, 'recoveries'),
    ...(retryOf === null ? {} : { retryOf }),
    incomplete: row.incomplete === 1,
    model: textOrNull(row, 'model'),
    usage: { inputTokens: numberOf(row, 'input_tokens'), outputTokens: numberOf(row, 'output_tokens') },
    createdAt: numberOf(row, 'created_at'),
    completedAt: numberOrNull(row, 'completed_at'),
  };
}

const reasonOf = (text: string): TurnReason => turnReasonSchema.catch('internal').parse(text);
