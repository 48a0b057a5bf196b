// Turns as rows: reading, opening, listing.
import { firstIdAt, isId } from '../base/ids.ts';
import type { Logger } from '../base/log.ts';
import { type TurnReason, turnReasonSchema, turnStatusSchema } from '../contract/turn.ts';
import type { SessionKey } from '../crypto/types.ts';
import { textOf, textOrNull, timeOf, timeOrNull, wholeOf } from './columns.ts';
import { damagedRecord, readRows } from './damaged-rows.ts';
import type { Database, Row, Value } from './database.ts';
import type { Leases } from './leases.ts';
import { badCursor } from './messages.ts';
import type { RowPlace, Seals } from './seals.ts';
import type { SessionKeys } from './session-keys.ts';
import { type Listed, SLOT, type StoredTrace, type StoredTurn, type TurnOptions, type TurnQuery } from './store.ts';

const OPEN_MAX = 10_000;
/** Rows a page looks through for what no index has. */
const SCAN_MAX = 2_000;
/** Above every place in a session: what a page goes on from when no place in it can be read. */
const NO_MAX = 999_999_999_999_999;

const COLUMNS =
  'id, session_id, tenant, principal, request_id, no, anchor, status, reason, attempt, recoveries, retry_of, incomplete, model, ' +
  'input_tokens, output_tokens, created_at, completed_at, options_sealed';
const FIND = `SELECT ${COLUMNS} FROM turns WHERE id = ?`;
const FIND_OWN = `${FIND} AND principal = ?`;
const TIMES = 'SELECT queue_ms, first_token_ms, total_ms FROM turns WHERE id = ?';
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
  /** Rejects with AppError `internal` when the row is damaged. */
  get(id: string, owner?: string): Promise<TurnRow | undefined>;
  /** Here and in `list` a damaged row is left out. */
  open(): Promise<TurnRow[]>;
  list(query: TurnQuery): Promise<Listed<StoredTurn>>;
  times(id: string): Promise<Omit<StoredTrace, 'steps'>>;
}

export interface TurnRowsParts {
  db: Database;
  log: Logger;
  seals: Seals;
  keys: SessionKeys;
  leases: Pick<Leases, 'peek'>;
}

export function createTurnRows({ db, log, seals, keys, leases }: TurnRowsParts): TurnRows {
  async function openAll(rows: Row[]): Promise<TurnRow[]> {
    const opened: TurnRow[] = [];
    for (const { sealed, ...turn } of readRows(log, 'turns', rows, clearOf)) {
      const { sessionId } = turn;
      const key = leases.peek(sessionId)?.key ?? (await keys.find(sessionId));
      opened.push(withOptions(turn, sealed, key));
    }
    return opened;
  }

  function withOptions(turn: ClearTurn, sealed: Value | undefined, key: SessionKey | undefined): TurnRow {
    const opened = key && sealed instanceof Uint8Array ? seals.open('turns.options_sealed', key, optionsPlace(turn), sealed) : undefined;
    if (!opened) log.error('turn.options_lost', { turnId: turn.id, sessionId: turn.sessionId });
    return { ...turn, options: opened ? (opened.value as TurnOptions) : OPTIONS_LOST };
  }

  return {
    async get(id, owner) {
      const rows = await (owner === undefined ? db.read(FIND, [id]) : db.read(FIND_OWN, [id, owner]));
      const [turn] = await openAll(rows);
      if (!turn && rows.length > 0) throw damagedRecord();
      return turn;
    },
    async times(id) {
      const [row] = await db.read(TIMES, [id]);
      return { queueMs: duration(row?.queue_ms), firstTokenMs: duration(row?.first_token_ms), totalMs: duration(row?.total_ms) };
    },
    open: async () => openAll(await db.read(OPEN, [OPEN_MAX])),
    async list(query) {
      const { sql, values } = listing(query);
      const { limit, reason, model, sessionId } = query;
      // No index has these: a page looks through so many rows and no more, however few of them are wanted.
      const isNarrow = reason !== undefined || model !== undefined;
      const most = isNarrow ? SCAN_MAX : limit;
      const rows = await db.read(sql, [...values, most + 1]);
      const scanned = rows.slice(0, most);
      const wanted = scanned.filter(
        (row) => (reason === undefined || row.reason === reason) && (model === undefined || row.model === model),
      );
      const page = wanted.slice(0, limit);
      const items = (await openAll(page)).map(({ incomplete: _, ...turn }) => turn);
      const hasMore = rows.length > most || wanted.length > limit;
      return { items, nextCursor: hasMore ? placeAfter(wanted.length > limit ? page : scanned, sessionId !== undefined) : null };
    },
  };
}

const duration = (value: Value | undefined): number | null => (typeof value === 'number' ? value : null);

/** One of a few fixed texts. Newest first; within a session by place, else by id, which sorts by time. */
function listing(query: TurnQuery): { sql: string; values: Value[] } {
  const { principal, sessionId, status, open, since, until, cursor } = query;
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
  // Ids sort by time, so the index of the ids finds these.
  if (since !== undefined) where('id >= ?', firstIdAt('trn', since));
  if (until !== undefined) where('id < ?', firstIdAt('trn', until));
  if (cursor !== undefined) where(`${order} < ?`, cursorValue(cursor, sessionId !== undefined));
  const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return { sql: `SELECT ${COLUMNS} FROM turns ${filter} ORDER BY ${order} DESC LIMIT ?`, values };
}

/** The place of the page's last row that has one, damaged otherwise or not. */
function placeAfter(page: readonly Row[], byPlace: boolean): string | null {
  if (!byPlace) return page.map(({ id }) => id).findLast((id): id is string => typeof id === 'string' && isId(id, 'trn')) ?? null;
  // Places that cannot be read sort above all others, so what follows them is everything that can be.
  return String(page.map(({ no }) => no).findLast(isPlace) ?? NO_MAX);
}

const isPlace = (no: unknown): no is number => Number.isSafeInteger(no) && (no as number) >= 0 && (no as number) <= NO_MAX;

function cursorValue(cursor: string, byPlace: boolean): Value {
  if (byPlace && /^\d{1,15}$/.test(cursor)) return Number(cursor);
  if (!byPlace && isId(cursor, 'trn')) return cursor;
  throw badCursor();
}

type ClearTurn = Omit<TurnRow, 'options'>;

function clearOf(row: Row): ClearTurn & { sealed: Value | undefined } {
  const status = turnStatusSchema.safeParse(row.status);
  if (!status.success) throw new TypeError('column status is not a status');
  const retryOf = textOrNull(row, 'retry_of');
  const reason = textOrNull(row, 'reason');
  return {
    id: textOf(row, 'id'),
    sessionId: textOf(row, 'session_id'),
    tenant: textOf(row, 'tenant'),
    principal: textOf(row, 'principal'),
    requestId: textOf(row, 'request_id'),
    no: placeOf(row, 'no'),
    anchor: placeOf(row, 'anchor'),
    status: status.data,
    ...(reason === null ? {} : { reason: reasonOf(reason) }),
    attempt: wholeOf(row, 'attempt'),
    recoveries: wholeOf(row, 'recoveries'),
    ...(retryOf === null ? {} : { retryOf }),
    incomplete: row.incomplete === 1,
    model: textOrNull(row, 'model'),
    usage: { inputTokens: wholeOf(row, 'input_tokens'), outputTokens: wholeOf(row, 'output_tokens') },
    createdAt: timeOf(row, 'created_at'),
    completedAt: timeOrNull(row, 'completed_at'),
    sealed: row.options_sealed,
  };
}

/** Small enough that the places of its messages are whole numbers too. */
function placeOf(row: Row, column: string): number {
  const place = wholeOf(row, column);
  if (place >= 1 && place < Number.MAX_SAFE_INTEGER / SLOT - 1) return place;
  throw new TypeError(`column ${column} is not a place`);
}

const reasonOf = (text: string): TurnReason => turnReasonSchema.catch('internal').parse(text);
