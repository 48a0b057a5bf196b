// The durable units of a turn under way, as values: what each writes and what guards it. Writing them is turns.ts.
import type { Clock } from '../base/clock.ts';
import { type Act, type Audit, wallTime } from './audit.ts';
import type { Statement, Unit } from './database.ts';
import type { Remembered } from './history.ts';
import type { Lease, Leases } from './leases.ts';
import type { MessageRows } from './messages.ts';
import { createScribe, type Scribe } from './scribe.ts';
import type { AskedInput, CommitInput, StoredTurn, ToldInput } from './store.ts';
import { callActs, endAct } from './turn-acts.ts';
import type { TurnSteps } from './turn-steps.ts';

const IS_OPEN = `status IN ('queued', 'running')`;
const RUN = `UPDATE turns SET status = 'running', model = ?, input_tokens = input_tokens + ?, output_tokens = output_tokens + ? WHERE id = ? AND ${IS_OPEN}`;
const STILL_OPEN = `UPDATE turns SET status = 'running' WHERE id = ? AND ${IS_OPEN}`;
const REOPEN = `UPDATE turns SET recoveries = recoveries + 1, attempt = attempt + 1 WHERE id = ? AND ${IS_OPEN}`;
const END =
  'UPDATE turns SET status = ?, reason = ?, attempt = ?, incomplete = ?, model = ?, input_tokens = ?, output_tokens = ?, queue_ms = ?, ' +
  `first_token_ms = ?, total_ms = ?, completed_at = ? WHERE id = ? AND ${IS_OPEN}`;

/** The turn is not open any more: it has its one terminal state, or was erased. */
export const OPEN_GUARD = 'open';

/** A unit and what it adds to memory once it is durable. */
export interface Built {
  unit: Unit;
  said: Remembered[];
  /** All messages it adds, fallbacks too. */
  messages: number;
}
export type BuiltTurn = Built & { turn: StoredTurn };

export interface TurnUnits {
  asked(lease: Lease, input: AskedInput): Built;
  told(lease: Lease, input: ToldInput): Built;
  /** `ledger`: the turn may have rows of tools under way, which the record replaces. */
  commit(lease: Lease, input: CommitInput, ledger: boolean): BuiltTurn;
  reopen(lease: Lease, turn: StoredTurn): Built;
}

export interface TurnUnitsParts {
  clock: Clock;
  audit: Audit;
  leases: Leases;
  messages: MessageRows;
  steps: TurnSteps;
}

export function createTurnUnits(parts: TurnUnitsParts): TurnUnits {
  const { clock, audit, leases, steps } = parts;
  const entries = ({ tenant }: StoredTurn, acts: Act[]) => acts.map((act) => audit.entry(tenant, act));
  const hold = (lease: Lease, messages: number) => leases.hold(lease, { turns: 0, messages, at: wallTime(clock) });

  return {
    asked(lease, { turn, step, parts: said, model, usage, acts }) {
      const scribe = createScribe(parts, lease, turn);
      scribe.write({ role: 'assistant', parts: said, step, model });
      const calls = said.filter((part) => part.type === 'call');
      const ledger = steps.started(lease, turn, { step, names: calls.map(({ name }) => name), callIds: calls.map(({ callId }) => callId) });
      const run = { sql: RUN, values: [model, usage.inputTokens, usage.outputTokens, turn.id], changes: 1, guard: OPEN_GUARD };
      const unit = { statements: [hold(lease, 1), run, ledger, ...scribe.statements], audit: entries(turn, callActs(turn, acts)) };
      return { unit, ...addedBy(scribe) };
    },

    told(lease, { turn, step, results, acts }) {
      const scribe = createScribe(parts, lease, turn);
      scribe.write({ role: 'tool', parts: results, step });
      const open = { sql: STILL_OPEN, values: [turn.id], changes: 1, guard: OPEN_GUARD };
      const statements = [hold(lease, 1), open, steps.told(turn, step), ...scribe.statements];
      return { unit: { statements, audit: entries(turn, callActs(turn, acts)) }, ...addedBy(scribe) };
    },

    commit(lease, input, ledger) {
      const { record, reason, fallback, status, incomplete } = input;
      const at = wallTime(clock);
      const scribe = createScribe(parts, lease, input.turn);
      let sha256: string | undefined;
      if (input.reply.length > 0) sha256 = scribe.write({ role: 'assistant', parts: input.reply, incomplete, model: record.model });
      if (fallback !== undefined) scribe.write({ role: 'fallback', parts: [{ type: 'text', text: fallback }] });
      const turn: StoredTurn = {
        ...input.turn,
        status,
        ...(reason ? { reason } : {}),
        attempt: record.attempt,
        model: record.model,
        usage: record.usage,
        completedAt: at,
      };
      const guards = [hold(lease, scribe.statements.length), endStatement(turn, input)];
      const statements = [...guards, ...scribe.statements, ...steps.record(lease, turn, record.steps, ledger)];
      return {
        turn,
        ...addedBy(scribe),
        unit: { statements, audit: entries(turn, [...callActs(turn, input.acts), endAct(turn, input, sha256)]) },
      };
    },

    reopen(lease, turn) {
      const open = { sql: REOPEN, values: [turn.id], changes: 1, guard: OPEN_GUARD };
      const { principal, id: target, requestId } = turn;
      const detail = { session: turn.sessionId, recoveries: turn.recoveries + 1 };
      const entry = audit.entry(turn.tenant, { principal, action: 'turn.recover', target, requestId, outcome: 'ok', detail });
      return { unit: { statements: [hold(lease, 0), open], audit: [entry] }, said: [], messages: 0 };
    },
  };
}

const addedBy = ({ said, statements }: Scribe) => ({ said, messages: statements.length });

function endStatement(turn: StoredTurn, { record, incomplete, reason }: CommitInput): Statement {
  const { inputTokens, outputTokens } = turn.usage;
  const times = [record.queueMs, record.firstTokenMs, record.totalMs, turn.completedAt];
  const cut = incomplete ? 1 : 0;
  return {
    sql: END,
    values: [turn.status, reason ?? null, turn.attempt, cut, turn.model, inputTokens, outputTokens, ...times, turn.id],
    changes: 1,
    guard: OPEN_GUARD,
  };
}
