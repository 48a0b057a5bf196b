// The unit that accepts a message: turn, question, key and audit row together, with the session when it is new.
import type { Clock } from '../base/clock.ts';
import { type Audit, wallTime } from './audit.ts';
import type { AuditEntry } from './audit-entry.ts';
import type { Statement } from './database.ts';
import type { Idempotency, UsedKey } from './idempotency.ts';
import { type Lease, type Leases, PLACE_GUARD } from './leases.ts';
import type { MessageRows } from './messages.ts';
import { createScribe, type Scribe } from './scribe.ts';
import type { Seals } from './seals.ts';
import type { SessionRows } from './session-rows.ts';
import type { AcceptInput, StoredTurn } from './store.ts';
import { optionsPlace } from './turn-rows.ts';
import type { BuiltTurn } from './turn-units.ts';

const INSERT =
  'INSERT INTO turns (id, session_id, tenant, principal, request_id, no, anchor, status, attempt, recoveries, retry_of, incomplete, ' +
  'input_tokens, output_tokens, created_at, options_sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, ?)';

export interface AcceptUnits {
  accept(lease: Lease, input: AcceptInput, key?: UsedKey): BuiltTurn;
  /** The same for a session that is made in the unit; `sessionKey` stores its key. */
  acceptNew(lease: Lease, input: AcceptInput, made: { sessionKey: Statement; key?: UsedKey }): BuiltTurn;
}

export interface AcceptUnitsParts {
  clock: Clock;
  holder: string;
  audit: Audit;
  seals: Seals;
  leases: Leases;
  messages: MessageRows;
  sessions: SessionRows;
  idempotency: Idempotency;
}

export function createAcceptUnits(parts: AcceptUnitsParts): AcceptUnits {
  const { clock, holder, audit, leases, sessions, idempotency } = parts;

  /** Turn, question and key: what old and new sessions have in common. */
  function question(lease: Lease, input: AcceptInput, key: UsedKey | undefined) {
    const turn = newTurn(lease, leases.takeNo(lease), input, wallTime(clock));
    const scribe = createScribe(parts, lease, turn);
    let sha256: string | undefined;
    if (input.text !== undefined && !input.retryOf) {
      lease.places.set(turn.anchor, 0);
      sha256 = scribe.write({ role: 'user', parts: [{ type: 'text', text: input.text }] });
    }
    const claim = key ? [idempotency.claim(key, turn.id)] : [];
    const rows = [insertTurn(parts.seals, lease, turn), ...scribe.statements];
    return { turn, claim, scribe, rows, entry: entryOf(turn, sha256) };
  }

  function entryOf(turn: StoredTurn, sha256: string | undefined): AuditEntry {
    const { principal, id: target, requestId } = turn;
    const detail = { session: turn.sessionId, retryOf: turn.retryOf, sha256 };
    return audit.entry(turn.tenant, { principal, action: 'turn.accept', target, requestId, outcome: 'ok', detail });
  }

  return {
    accept(lease, input, key) {
      const { turn, claim, scribe, entry, rows } = question(lease, input, key);
      const hold = leases.hold(lease, { turns: 1, messages: scribe.statements.length, at: turn.createdAt });
      return { turn, ...addedBy(scribe), unit: { statements: [...claim, hold, ...rows], audit: [entry] } };
    },

    acceptNew(lease, input, { sessionKey, key }) {
      const { turn, claim, scribe, entry, rows } = question(lease, input, key);
      const { title = null, user = null, metadata = {}, current } = input.session.create ?? {};
      const { sessionId: id, tenant, principal, epoch, nextNo } = lease;
      const counted = { epoch, holder, nextNo, messages: scribe.statements.length, turns: 1, at: turn.createdAt };
      const session = sessions.insert({ id, tenant, principal, facts: { title, user, metadata }, ...counted }, lease.key);
      const made = [session, sessionKey, ...(current ? [sessions.setCurrent(id)] : [])];
      const created = audit.entry(tenant, {
        principal,
        action: 'session.create',
        target: id,
        requestId: input.requestId,
        outcome: 'ok',
      });
      const unit = { statements: [...claim, ...made, ...rows], audit: [created, entry] };
      return { turn, ...addedBy(scribe), unit };
    },
  };
}

const addedBy = ({ said, statements }: Scribe) => ({ said, messages: statements.length });

function newTurn(lease: Lease, no: number, input: AcceptInput, at: number): StoredTurn {
  const { turnId, principal, requestId, options, retryOf } = input;
  return {
    id: turnId,
    sessionId: lease.sessionId,
    tenant: lease.tenant,
    principal: principal.id,
    requestId,
    no,
    anchor: retryOf ? retryOf.anchor : no,
    status: 'queued',
    attempt: 1,
    recoveries: 0,
    ...(retryOf ? { retryOf: retryOf.id } : {}),
    options,
    model: null,
    usage: { inputTokens: 0, outputTokens: 0 },
    createdAt: at,
    completedAt: null,
  };
}

function insertTurn(seals: Seals, lease: Lease, turn: StoredTurn): Statement {
  const { id, sessionId, tenant, principal, requestId, no, anchor, status, attempt, recoveries, retryOf, createdAt } = turn;
  const options = seals.seal('turns.options_sealed', lease.key, optionsPlace(turn), turn.options);
  const row = [id, sessionId, tenant, principal, requestId, no, anchor, status, attempt, recoveries, retryOf ?? null, createdAt, options];
  return { sql: INSERT, values: row, changes: 1, guard: PLACE_GUARD };
}
