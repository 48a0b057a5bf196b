import type { ModelState } from '../contract/status.ts';
import type { ModelAttempt } from '../contract/turn.ts';
import type { ModelAnswer, ModelFailure, ModelRequest } from './provider.ts';

export interface Ask {
  request: Omit<ModelRequest, 'model'>;
  /** `provider/model` to try before the configured order. */
  prefer?: string;
  /** Absolute, monotonic. */
  deadlineAt: number;
  signal: AbortSignal;
  onText(text: string): void;
  /**
   * Called when a model broke off after its first token and another attempt follows (at most once per ask): the text so far is void.
   * Returns false to forbid it.
   */
  onRestart(): boolean;
}

export type AskOutcome =
  | { ok: true; answer: ModelAnswer; model: string; attempts: ModelAttempt[] }
  /** `partial` is text already given to `onText` in the last attempt and not voided. */
  | { ok: false; failure: ModelFailure; partial: string; model: string | null; attempts: ModelAttempt[] };

/** How a model answered when it was checked. */
export interface CheckedModel extends ModelState {
  /** `ok`, or the failure code of the call; `unconfigured` where none was made. */
  code: string;
  ms: number;
}

/** The fallback order with call policy, breakers and bulkheads behind it. */
export interface Models {
  /** Must not reject. */
  ask(ask: Ask): Promise<AskOutcome>;
  /** True if some model of the order (or `prefer`) may be called now; false means every breaker is open. */
  available(prefer?: string): boolean;
  /** Resolves when `available` may have become true, or on abort. */
  whenAvailable(signal: AbortSignal): Promise<void>;
  /** True for a `provider/model` this server can call: what a caller's `model` is checked against. */
  knows(name: string): boolean;
  states(): ModelState[];
  /**
   * One small labelled call to each configured model that has a provider, whatever its breaker says, and what came of it. The breakers learn from it;
   * callers at once share the calls. Must not reject.
   */
  check(): Promise<CheckedModel[]>;
  /** `states`, and whether the last call to each went well: undefined before the first. */
  sights(): (ModelState & { wasGood: boolean | undefined })[];
  /** Refusal at admission: milliseconds a new call would wait, Infinity when the queue is full. */
  expectedWaitMs(): number;
  close(): Promise<void>;
}
