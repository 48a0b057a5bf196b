import type { AuditHead, AuditVerification } from '../contract/audit.ts';
import type { AuditAction } from '../contract/audit-actions.ts';
import type { Finding } from '../contract/finding.ts';
import type { ModelMessage, Part, Role } from '../contract/message.ts';
import type { StepRecord, TerminalStatus, TurnReason, TurnRecord, TurnStatus, Usage } from '../contract/turn.ts';
import type { Keys, Logins } from './credentials.ts';
import type { Minutes } from './minutes.ts';

/** Who acts. `id` is stored in clear; a `client` sees only what it made. */
export interface Principal {
  id: string;
  role: 'admin' | 'client';
  tenant: string;
}

/** Whose things somebody may see: undefined for everybody's. */
export const ownerFor = ({ id, role }: Pick<Principal, 'id' | 'role'>): string | undefined => (role === 'admin' ? undefined : id);

/** Places under one question: `seq = anchor × SLOT + place`. */
export const SLOT = 4096;

/** What the caller asked for besides the text, kept (sealed) so that a recovered turn runs as it was meant. */
export interface TurnOptions {
  model?: string;
  /** Budget in milliseconds; a recovered turn gets all of it again. */
  deadlineMs: number;
  onUnavailable: 'fallback' | 'error' | 'wait';
  metadata?: Record<string, unknown>;
}

export interface StoredTurn {
  id: string;
  sessionId: string;
  tenant: string;
  principal: string;
  requestId: string;
  /** Place of the turn in its session, from 1. */
  no: number;
  /** The `no` under which its messages stand: its own, or for a retry that of the turn first asked. */
  anchor: number;
  status: TurnStatus;
  reason?: TurnReason;
  /** 1 for the first run; each recovery and each restart after a broken stream adds one. */
  attempt: number;
  /** How often a dead process left it open. */
  recoveries: number;
  retryOf?: string;
  options: TurnOptions;
  model: string | null;
  usage: Usage;
  createdAt: number;
  completedAt: number | null;
}

export interface StoredMessage {
  id: string;
  sessionId: string;
  turnId: string;
  /** `anchor × 4096 + place`: unique in the session and in reading order. */
  seq: number;
  role: Role;
  parts: Part[];
  incomplete: boolean;
  model: string | null;
  createdAt: number;
}

export interface AcceptInput {
  turnId: string;
  principal: Principal;
  requestId: string;
  /** An existing session, or one made in the same unit. `current` also makes it the agent's current session. */
  session: { id: string; create?: { user?: string; title?: string; metadata?: Record<string, unknown>; current?: boolean } };
  /** Absent for a retry. */
  text?: string;
  options: TurnOptions;
  retryOf?: StoredTurn;
  /** The key as given and the canonical body; only their HMACs are kept, for 24 hours, per principal. */
  idempotency?: { key: string; body: string };
}

export type Accepted =
  | { kind: 'accepted'; turn: StoredTurn }
  /** The key was used before, by this turn. `sameBody` false is the 422 of the contract. */
  | { kind: 'known'; turnId: string; sameBody: boolean };

/** A model step that asked for tools, made durable before any tool that is not repeatable runs. */
export interface AskedInput {
  turn: StoredTurn;
  step: number;
  /** The assistant's parts of this step, text and calls with signatures. */
  parts: Part[];
  model: string;
  usage: Usage;
  acts?: Acts;
}

/** The outcomes of that step's tools, made durable before the next model call. */
export interface ToldInput {
  turn: StoredTurn;
  step: number;
  results: Extract<Part, { type: 'result' }>[];
  acts?: Acts;
}

/** Calls of models and tools that no unit of the turn has put into the audit yet: this one does. */
type Acts = readonly StepRecord[];

export interface CommitInput {
  turn: StoredTurn;
  status: TerminalStatus;
  reason?: TurnReason;
  /** The model's final parts (after the last asked step); empty for a pure fallback. */
  reply: Part[];
  incomplete: boolean;
  /** Our own sentence: stored as a `fallback` message, never as model output. */
  fallback?: string;
  record: TurnRecord;
  acts?: Acts;
}

/** How a turn went. Durations are milliseconds, null while they are not known; the steps are there when it has ended. */
export interface StoredTrace {
  queueMs: number | null;
  firstTokenMs: number | null;
  totalMs: number | null;
  steps: StepRecord[];
}

/** What recovery finds of a turn that was under way: its durable steps in order. */
export interface StoredStep {
  step: number;
  parts: Part[];
  /** Absent when the tools were started and no outcome was stored: unknown. */
  results?: Extract<Part, { type: 'result' }>[];
}

export interface StoredSession {
  id: string;
  tenant: string;
  principal: string;
  title: string | null;
  user: string | null;
  metadata: Record<string, unknown>;
  messageCount: number;
  turnCount: number;
  createdAt: number;
  updatedAt: number;
}

export interface ListQuery {
  /** Only what this principal made; undefined for all (admin). */
  principal?: string;
  cursor?: string;
  limit: number;
}
export interface TurnQuery extends ListQuery {
  sessionId?: string;
  status?: TurnStatus;
  open?: boolean;
  /** With this or `model` a page may hold fewer turns than asked for, or none, and still have a cursor. */
  reason?: TurnReason;
  /** `provider/model` that gave the reply. */
  model?: string;
  /** Accepted at or after, and before; wall clock, milliseconds. */
  since?: number;
  until?: number;
}
export interface Listed<T> {
  items: T[];
  nextCursor: string | null;
}

/**
 * The turns' side of the store. Every method rejects with AppError `storage_unavailable` when the store cannot do it, `accept` also with
 * `not_found` (no such session). The lease is taken inside `accept` and every later write carries its epoch; a lost lease rejects with
 * AppError `conflict`, and nothing was written.
 */
export interface Turns {
  accept(input: AcceptInput): Promise<Accepted>;
  /** The turn an Idempotency-Key stands for, if it was used in the last 24 hours. */
  known(principal: Principal, idempotency: { key: string; body: string }): Promise<{ turnId: string; sameBody: boolean } | undefined>;
  asked(input: AskedInput): Promise<void>;
  told(input: ToldInput): Promise<void>;
  /** Exactly once per turn: a second commit rejects with AppError `conflict`. Writes reply, steps, turn, audit and outbox in one unit. */
  commit(input: CommitInput): Promise<StoredTurn>;
  /** Counts one more recovery and takes the session's lease, durably, before the turn runs again. */
  reopen(turn: StoredTurn): Promise<StoredTurn>;
  /**
   * With an `owner` (a principal's id) what another made is not there: it costs the same look-up. Rejects with AppError `internal` when the turn's row is
   * damaged; `open` and `list` leave such a row out.
   */
  get(id: string, owner?: string): Promise<StoredTurn | undefined>;
  steps(turn: StoredTurn): Promise<StoredStep[]>;
  trace(turn: StoredTurn): Promise<StoredTrace>;
  /** Every turn without a terminal state, oldest first, at most 10,000. */
  open(): Promise<StoredTurn[]>;
  /** `open`: those without a terminal state; whether one of them waits or runs is known only to the process it runs in. */
  list(query: TurnQuery): Promise<Listed<StoredTurn>>;
  /**
   * The texts of a terminal turn: what the answer is made of. Rejects with AppError `internal` when a message of the turn is damaged: part of an
   * answer is not passed off as all of it.
   */
  texts(turn: StoredTurn): Promise<{ reply: string | null; incomplete: boolean; fallback: string | null }>;
  counts(): Promise<{ accepted: number; byStatus: Record<TurnStatus, number> }>;
}

export interface Sessions {
  create(input: {
    id: string;
    principal: Principal;
    requestId: string;
    title?: string;
    user?: string;
    metadata?: Record<string, unknown>;
    current?: boolean;
  }): Promise<StoredSession>;
  /**
   * `owner` as in `Turns.get`. Rejects with AppError `internal` when the session's row is damaged; `list` leaves such a row out, `current` takes it for
   * none.
   */
  get(id: string, owner?: string): Promise<StoredSession | undefined>;
  list(query: ListQuery): Promise<Listed<StoredSession>>;
  update(
    id: string,
    by: { principal: Principal; requestId: string },
    change: { title?: string | null; metadata?: Record<string, unknown>; current?: true },
  ): Promise<StoredSession>;
  /** Destroys the session's key, rows and outbox payloads in one unit and appends the audit row. */
  erase(id: string, by: { principal: Principal; requestId: string }): Promise<void>;
  /** The agent's current session, if it still exists. */
  current(): Promise<StoredSession | undefined>;
}

export interface Messages {
  /**
   * What a model may see: user, assistant and tool messages up to `uptoSeq`, the newest `limit`, in order; starts at a user message.
   * Warm sessions answer from memory. A record that does not open, or says other than its
   * row, is left out and counted in `damaged`.
   */
  history(
    sessionId: string,
    uptoSeq: number,
    limit: number,
  ): Promise<{ messages: (ModelMessage & { seq: number; turnId: string })[]; damaged: number }>;
  list(sessionId: string, query: { cursor?: string; limit: number }): Promise<Listed<StoredMessage>>;
}

export interface StoredAuditRow {
  writer: string;
  seq: number;
  at: number;
  principal: string;
  action: string;
  target: string;
  requestId: string;
  outcome: string;
  /** Canonical JSON, '' when there is nothing to say. */
  detail: string;
  /** Hex. */
  hash: string;
}

export interface AuditQuery {
  cursor?: string;
  limit: number;
  action?: string;
  principal?: string;
  /** Wall clock, milliseconds. */
  since?: number;
}

export interface Store {
  readonly agentId: string;
  /** Names this install among others on the same machine; no secret. */
  readonly install: string;
  readonly keys: Keys;
  readonly logins: Logins;
  readonly turns: Turns;
  readonly sessions: Sessions;
  readonly messages: Messages;
  /** Figures by the minute; a week of them. */
  readonly minutes: Minutes;
  /** Last row of this process's chain. */
  auditHead(): Promise<{ seq: number; hash: string } | undefined>;
  /** One audit row for an act that changes no other row (a sign-in, a refused request). */
  audit(act: {
    principal: string;
    action: AuditAction;
    target: string;
    requestId: string;
    outcome: string;
    detail?: Record<string, string | number>;
  }): Promise<void>;
  /** Newest first. A page of a rare filter may hold fewer rows than asked for, or none, and still have a cursor. */
  auditTrail(query: AuditQuery): Promise<Listed<StoredAuditRow>>;
  /** Reads the whole chain and judges it independently; goes on serving meanwhile. */
  verifyAudit(heads: readonly AuditHead[]): Promise<AuditVerification>;
  /** Looks at records and audit rows for about `budgetMs` and lets other work in between. Never rejects: what cannot be read is a finding. */
  examine(budgetMs: number): Promise<Finding[]>;
  /** Wall time of the newest audit row; undefined when there is none. */
  newestAt(): Promise<number | undefined>;
  counts(): Promise<{ sessions: number; turns: number; messages: number }>;
  health(): { writable: boolean; reason?: string; queued: number; walBytes: number };
  close(): Promise<void>;
}
