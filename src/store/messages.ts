import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { Ids } from '../base/ids.ts';
import type { Logger } from '../base/log.ts';
import type { Part, Role } from '../contract/message.ts';
import type { SessionKey } from '../crypto/types.ts';
import { wallTime } from './audit.ts';
import { bytesOf, numberOf, textOf, textOrNull } from './columns.ts';
import type { Database, Row, Statement } from './database.ts';
import { type History, MESSAGES_KEPT, type Remembered } from './history.ts';
import { type Lease, type Leases, PLACE_GUARD } from './leases.ts';
import type { Seals } from './seals.ts';
import type { SessionKeys } from './session-keys.ts';
import type { Messages, StoredMessage } from './store.ts';

const COLUMNS = 'm.seq, m.id, m.turn_id, m.step, m.role, m.incomplete, m.model, m.created_at, m.content_sealed, s.tenant';
const FROM = `SELECT ${COLUMNS} FROM messages m JOIN sessions s ON s.id = m.session_id`;
const NEWEST = `${FROM} WHERE m.session_id = ? AND m.seq <= ? AND m.role <> 'fallback' ORDER BY m.seq DESC LIMIT ?`;
const PAGE = `${FROM} WHERE m.session_id = ? AND m.seq > ? ORDER BY m.seq LIMIT ?`;
const OF_TURN = `${FROM} WHERE m.session_id = ? AND m.seq >= ? AND m.seq < ? AND m.turn_id = ? ORDER BY m.seq`;
const INSERT =
  'INSERT INTO messages (session_id, seq, id, turn_id, step, role, incomplete, model, created_at, content_sealed) ' +
  'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';

export interface NewMessage {
  turnId: string;
  seq: number;
  role: Role;
  parts: Part[];
  /** The model step that asked for tools; absent for the question, the final reply and a fallback. */
  step?: number;
  incomplete?: boolean;
  model?: string | null;
}

/** A message as its row says it, opened. */
export interface OpenedMessage extends StoredMessage {
  step: number | null;
}

export interface MessageRows {
  /** The statement that stores it sealed, and the record itself, for the audit row's hash. */
  insert(lease: Lease, message: NewMessage): { statement: Statement; record: Uint8Array };
  /** Messages of one turn under its anchor, those that open, in order. */
  ofTurn(turn: { id: string; sessionId: string }, range: { from: number; to: number }): Promise<OpenedMessage[]>;
}

export interface MessagesParts {
  db: Database;
  clock: Clock;
  ids: Ids;
  log: Logger;
  seals: Seals;
  keys: SessionKeys;
  leases: Leases;
  history: History;
}

export function createMessages(parts: MessagesParts): { messages: Messages; rows: MessageRows } {
  const { db, clock, ids, log, seals, keys, leases, history } = parts;

  const keyOf = async (sessionId: string): Promise<SessionKey | undefined> => leases.peek(sessionId)?.key ?? (await keys.find(sessionId));

  function openRow(sessionId: string, key: SessionKey | undefined, row: Row): OpenedMessage | undefined {
    const id = textOf(row, 'id');
    const seq = numberOf(row, 'seq');
    const place = { tenant: textOf(row, 'tenant'), sessionId, rowId: id, seq };
    const opened = key && seals.open('messages.content_sealed', key, place, bytesOf(row, 'content_sealed'));
    if (!opened) return undefined;
    return {
      id,
      sessionId,
      turnId: textOf(row, 'turn_id'),
      seq,
      step: row.step === null ? null : numberOf(row, 'step'),
      role: textOf(row, 'role') as Role,
      parts: opened.value as Part[],
      incomplete: row.incomplete === 1,
      model: textOrNull(row, 'model'),
      createdAt: numberOf(row, 'created_at'),
    };
  }

  async function openAll(sessionId: string, rows: Row[]): Promise<OpenedMessage[]> {
    const key = await keyOf(sessionId);
    return rows.map((row) => openRow(sessionId, key, row)).filter((message) => message !== undefined);
  }

  async function newest(sessionId: string, uptoSeq: number, limit: number): Promise<{ read: Remembered[]; rows: number }> {
    const rows = await db.read(NEWEST, [sessionId, uptoSeq, limit]);
    const opened = await openAll(sessionId, rows.reverse());
    const read = opened.map(({ role, parts: said, seq, turnId }) => ({ role: role as Remembered['role'], parts: said, seq, turnId }));
    return { read, rows: rows.length };
  }

  /** Fills memory with the session's newest messages, so that the next turns need not read. */
  async function warmUp(sessionId: string, epoch: number): Promise<void> {
    const before = history.version();
    const { read, rows } = await newest(sessionId, Number.MAX_SAFE_INTEGER, MESSAGES_KEPT);
    // With a damaged record nothing is remembered: every look reads, and counts the damage again.
    if (rows === read.length && before === history.version())
      history.learn(sessionId, epoch, { messages: read, whole: rows < MESSAGES_KEPT });
  }

  const messages: Messages = {
    async history(sessionId, uptoSeq, limit) {
      const epoch = leases.peek(sessionId)?.epoch;
      const recall = () => (epoch === undefined ? undefined : history.recall(sessionId, epoch, { seq: uptoSeq, limit }));
      let known = recall();
      if (!known && epoch !== undefined && limit <= MESSAGES_KEPT) {
        await warmUp(sessionId, epoch);
        known = recall();
      }
      if (known) return { messages: fromQuestion(known), damaged: 0 };
      const { read, rows } = await newest(sessionId, uptoSeq, limit);
      const damaged = rows - read.length;
      if (damaged > 0) log.error('history.damaged', { sessionId, count: damaged });
      return { messages: fromQuestion(read), damaged };
    },
    async list(sessionId, { cursor, limit }) {
      const after = cursor === undefined ? -1 : Number(cursor);
      if (!Number.isSafeInteger(after)) throw badCursor();
      const rows = await db.read(PAGE, [sessionId, after, limit + 1]);
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        items: (await openAll(sessionId, page)).map(({ step: _, ...message }) => message),
        nextCursor: rows.length > limit && last ? String(numberOf(last, 'seq')) : null,
      };
    },
  };

  const rows: MessageRows = {
    insert(lease, { turnId, seq, role, parts: said, step, incomplete, model }) {
      const id = ids.make('msg');
      const place = { tenant: lease.tenant, sessionId: lease.sessionId, rowId: id, seq };
      const record = seals.seal('messages.content_sealed', lease.key, place, said);
      return {
        record,
        statement: {
          sql: INSERT,
          values: [lease.sessionId, seq, id, turnId, step ?? null, role, incomplete ? 1 : 0, model ?? null, wallTime(clock), record],
          changes: 1,
          guard: PLACE_GUARD,
        },
      };
    },
    ofTurn: async (turn, { from, to }) => openAll(turn.sessionId, await db.read(OF_TURN, [turn.sessionId, from, to, turn.id])),
  };
  return { messages, rows };
}

export const badCursor = (): AppError => new AppError('invalid_request', { errors: [{ path: 'cursor', message: 'is not one of ours' }] });

/** A model's context starts with a question: what is cut off before it would be an answer to nothing. */
function fromQuestion(messages: Remembered[]): Remembered[] {
  const first = messages.findIndex(({ role }) => role === 'user');
  return first === -1 ? [] : messages.slice(first);
}
