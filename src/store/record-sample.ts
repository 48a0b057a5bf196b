// Opens stored records the way the store itself does, to see which do not open, without telling anybody what is in them.
import { setImmediate as nextRound } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { type LogFields, silentLogger } from '../base/log.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { textOf } from './columns.ts';
import type { Database, Row } from './database.ts';
import { createMessageOpener } from './message-records.ts';
import { SELECT_MESSAGES } from './messages.ts';
import type { Sealer } from './sealer.ts';
import { createSeals } from './seals.ts';
import { createSessionKeys } from './session-keys.ts';
import { createSessionRows } from './session-rows.ts';
import { createTurnRows } from './turn-rows.ts';
import { createTurnSteps } from './turn-steps.ts';

export interface SampleParts {
  db: Database;
  clock: Clock;
  keyring: Keyring;
  install: string;
  sealer: Sealer;
}

export interface RecordSample {
  sessions: number;
  messages: number;
  turns: number;
  /** Every session was looked at, to its end. */
  isWhole: boolean;
  /** The first 100, by what is known of them; `part` is the table or column. */
  damaged: { part: string; sessionId: string; id: string }[];
  damagedTotal: number;
}

const PAGE = 100;
const DAMAGED_KEPT = 100;
const SESSION_IDS = 'SELECT id FROM sessions WHERE id < ? ORDER BY id DESC LIMIT ?';
/** Sorts after every id. */
const LAST_ID = '~';
const MESSAGES = `${SELECT_MESSAGES} WHERE m.session_id = ? AND m.seq > ? ORDER BY m.seq LIMIT ?`;

/** Newest sessions first, each whole, until `budgetMs` is over; lets other work in between. Rejects when the data cannot be read at all. */
export async function sampleRecords(parts: SampleParts, budgetMs: number): Promise<RecordSample> {
  const { db, clock } = parts;
  const until = clock.monotonic() + budgetMs;
  const isOver = () => clock.monotonic() >= until;
  const reader = createReader(parts);
  const sample = { sessions: 0, messages: 0, turns: 0, isWhole: true };
  for (let after = LAST_ID; ; ) {
    const ids = (await db.read(SESSION_IDS, [after, PAGE])).map((row) => textOf(row, 'id'));
    for (const id of ids) {
      if (isOver()) return { ...sample, isWhole: false, ...reader.damage() };
      const seen = await reader.look(id, isOver);
      sample.sessions += 1;
      sample.messages += seen.messages;
      sample.turns += seen.turns;
      if (!seen.isWhole) sample.isWhole = false;
      await nextRound();
    }
    const last = ids.at(-1);
    if (last === undefined || ids.length < PAGE) return { ...sample, ...reader.damage() };
    after = last;
  }
}

function createReader({ db, clock, keyring, install, sealer }: SampleParts) {
  const damage = createDamage();
  const log = { ...silentLogger, error: damage.note };
  const keys = createSessionKeys({ db, keyring, clock, log });
  const seals = createSeals({ sealer, install, log });
  // No session is leased here: every key comes from the data.
  const leases = { peek: () => undefined };
  const sessions = createSessionRows({ db, log, seals, keys, keyring });
  const turnRows = createTurnRows({ db, log, seals, keys, leases });
  const steps = createTurnSteps({ db, seals, keys });
  const openAll = createMessageOpener({ log, seals, keys, leases });

  async function lookAtMessages(sessionId: string, isOver: () => boolean): Promise<{ seen: number; isWhole: boolean }> {
    let seen = 0;
    for (let after = -1; ; ) {
      const rows: Row[] = await db.read(MESSAGES, [sessionId, after, PAGE]);
      await openAll(sessionId, rows);
      seen += rows.length;
      const seq = rows.at(-1)?.seq;
      if (rows.length < PAGE || typeof seq !== 'number') return { seen, isWhole: true };
      if (isOver()) return { seen, isWhole: false };
      after = seq;
    }
  }

  async function lookAtTurns(sessionId: string, isOver: () => boolean): Promise<{ seen: number; isWhole: boolean }> {
    let seen = 0;
    for (let cursor: string | null = null; ; ) {
      const page = await turnRows.list({ sessionId, limit: PAGE, ...(cursor === null ? {} : { cursor }) });
      for (const turn of page.items) {
        // A step whose clear columns are damaged cannot even be asked for by its place.
        await steps.read(turn).catch(() => damage.note('record.damaged', { part: 'steps', sessionId, code: turn.id }));
      }
      seen += page.items.length;
      if (page.nextCursor === null) return { seen, isWhole: true };
      if (isOver()) return { seen, isWhole: false };
      cursor = page.nextCursor;
    }
  }

  return {
    damage: damage.all,
    async look(sessionId: string, isOver: () => boolean) {
      damage.enter(sessionId);
      await sessions.get(sessionId).catch(() => undefined); // a damaged row was noted when it was read
      const messages = await lookAtMessages(sessionId, isOver);
      const turns = await lookAtTurns(sessionId, isOver);
      return { messages: messages.seen, turns: turns.seen, isWhole: messages.isWhole && turns.isWhole };
    },
  };
}

/** What the store would log of damage, counted once for each record. */
function createDamage() {
  const kept = new Map<string, { part: string; sessionId: string; id: string }>();
  let more = 0;
  /** Not every line of the log says whose record it is. */
  let current = '';
  return {
    enter(sessionId: string): void {
      current = sessionId;
    },
    note(event: string, { part = '', sessionId = current, code = '' }: LogFields = {}): void {
      // A session without its key says so once for all of its messages.
      if (event !== 'record.damaged' && event !== 'messages.closed') return;
      const id = code || sessionId;
      const place = `${part} ${id}`;
      if (kept.has(place)) return;
      if (kept.size < DAMAGED_KEPT) kept.set(place, { part, sessionId, id });
      else more += 1;
    },
    all: () => ({ damaged: [...kept.values()], damagedTotal: kept.size + more }),
  };
}
