// Steps of a turn: the ledger of its tools while it is open, its record once it ended.
import type { StepRecord, ToolStepRecord } from '../contract/turn.ts';
import { bytesOf, numberOf, textOf } from './columns.ts';
import type { Database, Row, Statement } from './database.ts';
import type { Lease } from './leases.ts';
import type { Seals } from './seals.ts';
import type { SessionKeys } from './session-keys.ts';
import type { StoredTurn } from './store.ts';

const INSERT = 'INSERT INTO steps (turn_id, no, step, kind, name, outcome, ms, detail_sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)';
const TELL = `UPDATE steps SET outcome = 'told' WHERE turn_id = ? AND no = ? AND outcome = 'started'`;
const CLEAR = 'DELETE FROM steps WHERE turn_id = ?';
const ALL = 'SELECT no, kind, name, outcome, ms, detail_sealed FROM steps WHERE turn_id = ? ORDER BY no';

/** Outcomes were told of a step that was never asked, or told before. */
export const TOLD_GUARD = 'told';
export const STEP_GUARD = 'step';

export interface TurnSteps {
  /** The ledger row of a step whose tools start now. */
  started(lease: Lease, turn: StoredTurn, asked: { step: number; names: string[]; callIds: string[] }): Statement;
  told(turn: StoredTurn, step: number): Statement;
  /** The record takes the ledger's place; `ledger` is false when there surely is none. */
  record(lease: Lease, turn: StoredTurn, steps: readonly StepRecord[], ledger: boolean): Statement[];
  read(turn: StoredTurn): Promise<StepRecord[]>;
}

export function createTurnSteps({ db, seals, keys }: { db: Database; seals: Seals; keys: SessionKeys }): TurnSteps {
  const placeOf = (turn: StoredTurn, no: number) => ({ tenant: turn.tenant, sessionId: turn.sessionId, rowId: turn.id, seq: no });

  function insert(lease: Lease, turn: StoredTurn, row: StepRow): Statement {
    const detail = seals.seal('steps.detail_sealed', lease.key, placeOf(turn, row.no), row.detail);
    return {
      sql: INSERT,
      values: [turn.id, row.no, row.step, row.kind, row.name, row.outcome, row.ms, detail],
      changes: 1,
      guard: STEP_GUARD,
    };
  }

  return {
    started: (lease, turn, { step, names, callIds }) =>
      insert(lease, turn, { no: step, step, kind: 'tools', name: names.join(','), outcome: 'started', ms: 0, detail: { callIds } }),
    told: (turn, step) => ({ sql: TELL, values: [turn.id, step], changes: 1, guard: TOLD_GUARD }),
    record(lease, turn, steps, ledger) {
      let step = 0;
      const rows = steps.map((each, no): StepRow => {
        if (each.kind === 'model') {
          step += 1;
          const last = each.attempts.at(-1);
          const name = last ? `${last.provider}/${last.model}` : '';
          return { no, step, kind: 'model', name, outcome: last?.code ?? '', ms: each.ms, detail: { attempts: each.attempts } };
        }
        return { no, step, kind: 'tool', name: each.name, outcome: each.outcome, ms: each.ms, detail: { callId: each.callId } };
      });
      return [...(ledger ? [{ sql: CLEAR, values: [turn.id] }] : []), ...rows.map((row) => insert(lease, turn, row))];
    },
    async read(turn) {
      const rows = await db.read(ALL, [turn.id]);
      const key = rows.length > 0 ? await keys.find(turn.sessionId) : undefined;
      return rows
        .filter(({ kind }) => kind !== 'tools')
        .map((row) => {
          const place = placeOf(turn, numberOf(row, 'no'));
          return fromRow(row, key && seals.open('steps.detail_sealed', key, place, bytesOf(row, 'detail_sealed'))?.value);
        });
    },
  };
}

interface StepRow {
  no: number;
  step: number;
  kind: 'tools' | StepRecord['kind'];
  name: string;
  outcome: string;
  ms: number;
  detail: unknown;
}

/** A step whose detail does not open is shown without it. */
function fromRow(row: Row, detail: unknown): StepRecord {
  const ms = numberOf(row, 'ms');
  const known = (detail ?? {}) as { attempts?: Extract<StepRecord, { kind: 'model' }>['attempts']; callId?: string };
  if (row.kind === 'model') return { kind: 'model', attempts: known.attempts ?? [], ms };
  return {
    kind: 'tool',
    name: textOf(row, 'name'),
    callId: known.callId ?? '',
    outcome: textOf(row, 'outcome') as ToolStepRecord['outcome'],
    ms,
  };
}
