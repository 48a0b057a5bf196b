// How many sessions, turns and messages there are: counted once, kept in memory, counted again after a write whose outcome is not known.
import { type TerminalStatus, type TurnStatus, turnStatusSchema } from '../contract/turn.ts';
import { numberOf } from './columns.ts';
import type { Database } from './database.ts';

// A damaged count must not take the sum of all others with it.
const SESSIONS =
  'SELECT COUNT(*) AS sessions, COALESCE(SUM(CASE WHEN message_count BETWEEN 0 AND 4294967295 THEN message_count ELSE 0 END), 0) AS messages ' +
  'FROM sessions';
const TURNS = 'SELECT COUNT(*) AS turns FROM turns';
const NOT_COMPLETED = `SELECT status, COUNT(*) AS n FROM turns WHERE status <> 'completed' GROUP BY status`;
const OF_SESSION = 'SELECT status, COUNT(*) AS n FROM turns WHERE session_id = ? GROUP BY status';

export interface Counts {
  sessions: number;
  messages: number;
  byStatus: Record<TurnStatus, number>;
}

export interface Tally {
  counts(): Promise<Counts>;
  created(added: { messages: number; turn: boolean; session: boolean }): void;
  /** A turn became `running` in the data: it has a durable step. */
  running(turnId: string): void;
  /** An open turn of an earlier process that was `running` already. */
  recovered(turnId: string): void;
  ended(turnId: string, status: TerminalStatus, messages: number): void;
  messages(added: number): void;
  /** What an erasure is about to take away; given back once it did. */
  ofSession(sessionId: string): Promise<Partial<Record<TurnStatus, number>>>;
  erased(turns: Partial<Record<TurnStatus, number>>, messages: number): void;
  /** A write failed in a way that leaves its outcome open. */
  doubt(): void;
}

export function createTally(db: Database): Tally {
  let known: Counts | undefined;
  let version = 0;
  /** Open turns with a durable step; at most as many as are open. */
  const running = new Set<string>();

  async function count(): Promise<Counts> {
    const [[sessions], [turns], unfinished] = await Promise.all([db.read(SESSIONS), db.read(TURNS), db.read(NOT_COMPLETED)]);
    const byStatus = { ...zeroes(), ...statuses(unfinished) };
    const others = Object.values(byStatus).reduce((sum, n) => sum + n, 0);
    byStatus.completed = (turns ? numberOf(turns, 'turns') : 0) - others;
    return { sessions: sessions ? numberOf(sessions, 'sessions') : 0, messages: sessions ? numberOf(sessions, 'messages') : 0, byStatus };
  }

  const change = (apply: (counts: Counts) => void) => {
    version += 1;
    if (known) apply(known);
  };

  return {
    async counts() {
      if (known) return copy(known);
      const before = version;
      const counted = await count();
      if (before === version) known = counted;
      return copy(counted);
    },
    created: ({ messages, turn, session }) =>
      change((counts) => {
        counts.sessions += session ? 1 : 0;
        counts.messages += messages;
        counts.byStatus.queued += turn ? 1 : 0;
      }),
    running(turnId) {
      if (running.has(turnId)) return;
      running.add(turnId);
      change(({ byStatus }) => {
        byStatus.queued -= 1;
        byStatus.running += 1;
      });
    },
    recovered: (turnId) => void running.add(turnId),
    ended(turnId, status, messages) {
      const was: TurnStatus = running.delete(turnId) ? 'running' : 'queued';
      change((counts) => {
        counts.byStatus[was] -= 1;
        counts.byStatus[status] += 1;
        counts.messages += messages;
      });
    },
    messages: (added) =>
      change((counts) => {
        counts.messages += added;
      }),
    ofSession: async (sessionId) => statuses(await db.read(OF_SESSION, [sessionId])),
    erased: (turns, messages) =>
      change((counts) => {
        counts.sessions -= 1;
        counts.messages -= messages;
        for (const status of turnStatusSchema.options) counts.byStatus[status] -= turns[status] ?? 0;
      }),
    doubt() {
      version += 1;
      known = undefined;
    },
  };
}

const zeroes = (): Record<TurnStatus, number> => ({ queued: 0, running: 0, completed: 0, degraded: 0, failed: 0, cancelled: 0 });

const copy = (counts: Counts): Counts => ({ ...counts, byStatus: { ...counts.byStatus } });

function statuses(rows: Awaited<ReturnType<Database['read']>>): Partial<Record<TurnStatus, number>> {
  const counts: Partial<Record<TurnStatus, number>> = {};
  for (const row of rows) {
    const status = turnStatusSchema.safeParse(row.status);
    if (status.success) counts[status.data] = numberOf(row, 'n');
  }
  return counts;
}

export const acceptedOf = (byStatus: Record<TurnStatus, number>): number => Object.values(byStatus).reduce((sum, n) => sum + n, 0);
