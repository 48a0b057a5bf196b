import type { AppError } from '../base/errors.ts';
import type { Position, TurnEvent } from '../contract/events.ts';
import type { TurnAnswer } from '../contract/turn.ts';
import type { Principal, StoredTrace, StoredTurn } from '../store/store.ts';

/** What a protocol hands to the agent after parsing and authentication. */
export interface Submission {
  principal: Principal;
  requestId: string;
  message: string;
  sessionId?: string;
  user?: string;
  metadata?: Record<string, unknown>;
  model?: string;
  /** As the caller asked; the agent clamps it and applies the default (longer for a stream). */
  deadlineMs?: number;
  stream: boolean;
  onUnavailable?: 'fallback' | 'error' | 'wait';
  whileBusy?: 'queue' | 'reject' | 'interrupt';
  /** `body` is the canonical JSON of the parsed body without `stream`. */
  idempotency?: { key: string; body: string };
  /** Monotonic time at which the request arrived: deadlines count from here. */
  arrivedAt: number;
}

export type RetrySubmission = Omit<Submission, 'message' | 'sessionId' | 'user' | 'metadata' | 'whileBusy'>;

/** How a turn stands for a caller who waited. */
export type Outcome =
  | { kind: 'ended'; turn: TurnAnswer }
  /** Still open: at the caller's deadline with `onUnavailable: wait`, or left resumable by a drain (`draining`). */
  | { kind: 'open'; turn: TurnAnswer; draining: boolean }
  /** The outcome could not be stored; the turn is still open and will be answered later. */
  | { kind: 'error'; error: AppError };

export interface PlacedEvent {
  event: TurnEvent;
  /** Where a reader stands after this event: the `id:` of the server-sent event. */
  at: Position;
}

/** A reader's place in a turn's events. Nothing is queued per reader: a slow one only falls behind and gets larger pieces. */
export interface TurnCursor {
  /** The next events, at least one; an empty list when the turn's story is over. Waits otherwise. */
  next(): Promise<PlacedEvent[]>;
  close(): void;
}

/** A durable turn as seen by one caller. */
export interface TurnHandle {
  turnId: string;
  sessionId: string;
  /** Waits for the end, at most until the caller's deadline plus a small grace. Never rejects. */
  outcome(): Promise<Outcome>;
  /** Events after `from` (START for all). With a place of an earlier attempt the first event is `turn.restart`. */
  events(from: Position): TurnCursor;
}

/**
 * The agent: accepts messages durably and answers each exactly once. `submit` and `retry` resolve only after the turn is stored, and reject with
 * AppError: `storage_unavailable`, `overloaded`, `draining`, `not_found` (session or turn absent or not the principal's), `conflict` (`whileBusy: reject`, or retry of
 * a turn that completed or is open), `idempotency_mismatch`, `invalid_request` (unknown model).
 */
export interface Agent {
  submit(submission: Submission): Promise<TurnHandle>;
  retry(turnId: string, submission: RetrySubmission): Promise<TurnHandle>;
  /** The same handle for a turn by id, open or ended; undefined when absent or not the principal's. */
  find(turnId: string, principal: Principal): Promise<TurnHandle | undefined>;
  /** The turn as it stands now. */
  view(turnId: string, principal: Principal): Promise<TurnAnswer | undefined>;
  /** Asks an open turn to end as `cancelled`; resolves with its terminal answer (or as it ended before). */
  /** How a turn went; undefined as for `view`. */
  trace(turnId: string, principal: Principal): Promise<{ turn: StoredTurn; trace: StoredTrace } | undefined>;
  cancel(turnId: string, principal: Principal, requestId: string): Promise<TurnAnswer | undefined>;
  /** Erases a session: cancels its open turns first. False when absent or not the principal's. */
  erase(sessionId: string, principal: Principal, requestId: string): Promise<boolean>;
  figures(): Figures;
  /** Recovers open turns and makes sure there is a current session. */
  start(): Promise<void>;
  /** Stops accepting, finishes what it can within `drainMs`, leaves the rest resumable. */
  stop(): Promise<void>;
}

/** Request figures since this process started, from the turn records. */
export interface Figures {
  accepted: number;
  completed: number;
  degraded: number;
  failed: number;
  cancelled: number;
  open: number;
  /** How long the turn that has waited longest is under way in this process; null without any. */
  oldestOpenMs: number | null;
  perMinute: number;
  latencyMs: { p50: number; p95: number; p99: number } | null;
  /** The current session was there when this process started. */
  sessionRestored: boolean;
  /** Turns answered or left resumable by the last drain. */
  drained: number;
}
