import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { Ids } from '../base/ids.ts';
import type { Logger } from '../base/log.ts';
import type { Part, Role } from '../contract/message.ts';
import { wallTime } from './audit.ts';
import { numberOf } from './columns.ts';
import type { Database, Statement } from './database.ts';
import { type History, MESSAGES_KEPT, type Remembered } from './history.ts';
import { type Lease, type Leases, PLACE_GUARD } from './leases.ts';
import { createMessageOpener, isWhole, type OpenedMessage, type Sealed } from './message-records.ts';
import type { Seals } from './seals.ts';
import type { SessionKeys } from './session-keys.ts';
import type { Messages } from './store.ts';

const COLUMNS = 'm.seq, m.id, m.turn_id, m.step, m.role, m.incomplete, m.model, m.created_at, m.content_sealed, s.tenant';
export const SELECT_MESSAGES = `SELECT ${COLUMNS} FROM messages m JOIN sessions s ON s.id = m.session_id`;
// Not without the fallbacks: what a row says of its role counts only once its record says the same.
const NEWEST = `${SELECT_MESSAGES} WHERE m.session_id = ? AND m.seq <= ? ORDER BY m.seq DESC LIMIT ?`;
const PAGE = `${SELECT_MESSAGES} WHERE m.session_id = ? AND m.seq > ? ORDER BY m.seq LIMIT ?`;
// Not by turn: a message whose row names another one is this turn's all the same, and damaged.
const OF_ANCHOR = `${SELECT_MESSAGES} WHERE m.session_id = ? AND m.seq >= ? AND m.seq < ? ORDER BY m.seq`;
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

export interface MessageRows {
  /** The statement that stores it sealed, and the record itself, for the audit row's hash. */
  insert(lease: Lease, message: NewMessage): { statement: Statement; record: Uint8Array };
  /** Messages of one turn under its anchor, those that open, in order; `damaged` counts those of the turn that do not. */
  ofTurn(
    turn: { id: string; sessionId: string },
    range: { from: number; to: number },
  ): Promise<{ messages: OpenedMessage[]; damaged: number }>;
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
  const { db, clock, ids, log, seals, leases, history } = parts;
  const openAll = createMessageOpener(parts);

  /** The newest `limit` a model may see; `rows` counts the damaged too, which may be of any role. */
  async function newest(sessionId: string, uptoSeq: number, limit: number): Promise<{ read: Remembered[]; rows: number }> {
    const read: Remembered[] = [];
    let rows = 0;
    // Once, except where fallbacks took places: each round goes on below the one before it.
    for (let upto = uptoSeq; rows < limit; ) {
      const found = await db.read(NEWEST, [sessionId, upto, limit - rows]);
      const asked = limit - rows;
      for (const message of await openAll(sessionId, found)) {
        if ('damaged' in message) rows += 1;
        else if (message.role !== 'fallback') {
          const { role, parts: said, seq, turnId } = message;
          rows += 1;
          read.push({ role: role as Remembered['role'], parts: said, seq, turnId });
        }
      }
      const last = found.at(-1);
      if (!last || found.length < asked) break;
      upto = numberOf(last, 'seq') - 1;
    }
    return { read: read.reverse(), rows };
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
        items: (await openAll(sessionId, page)).filter(isWhole).map(({ step: _, ...message }) => message),
        nextCursor: rows.length > limit && last ? String(numberOf(last, 'seq')) : null,
      };
    },
  };

  const rows: MessageRows = {
    insert(lease, { turnId, seq, role, parts: said, step, incomplete, model }) {
      const id = ids.make('msg');
      const place = { tenant: lease.tenant, sessionId: lease.sessionId, rowId: id, seq };
      const sealed: Sealed = [role, turnId, step ?? 0, incomplete ? 1 : 0, said];
      const record = seals.seal('messages.content_sealed', lease.key, place, sealed);
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
    async ofTurn(turn, { from, to }) {
      const all = await openAll(turn.sessionId, await db.read(OF_ANCHOR, [turn.sessionId, from, to]));
      return {
        messages: all.filter(isWhole).filter(({ turnId }) => turnId === turn.id),
        damaged: all.filter((each) => 'damaged' in each && each.turnIds.includes(turn.id)).length,
      };
    },
  };
  return { messages, rows };
}

export const badCursor = (): AppError => new AppError('invalid_request', { errors: [{ path: 'cursor', message: 'is not one of ours' }] });

/** A model's context starts with a question: what is cut off before it would be an answer to nothing. */
function fromQuestion(messages: Remembered[]): Remembered[] {
  const first = messages.findIndex(({ role }) => role === 'user');
  return first === -1 ? [] : messages.slice(first);
}
