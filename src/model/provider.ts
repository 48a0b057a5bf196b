import type { ModelMessage, Part } from '../contract/message.ts';
import type { Usage } from '../contract/turn.ts';

/** A tool as a model is told about it. `parameters` is JSON Schema (2020-12). */
export interface ToolSpec {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
}

export interface ModelRequest {
  /** The model's own name, without the provider. */
  model: string;
  instructions: string;
  /** Roles alternate, calls are paired with results: see `model/render.ts`. */
  messages: ModelMessage[];
  tools: ToolSpec[];
  maxOutputTokens?: number;
}

/** Limits of one upstream call. All times are absolute on the monotonic clock or durations in milliseconds. */
export interface CallLimits {
  deadlineAt: number;
  firstByteMs: number;
  idleMs: number;
  signal: AbortSignal;
}

/**
 * What to do next decides the kind. `transient` may be tried again on the same model (408, 429, 5xx, reset before the first token);
 * `silent` (no byte, or a stall) never on the same model; `rejected` is about this request (400, 404, 413) and goes to the next model without counting
 * against this one; `bad_key` (401, 403, Gemini's 400 API_KEY_INVALID) opens the breaker at once; `blocked` is a safety stop; `cut` is an answer that broke off,
 * came empty or malformed; `deadline` and `cancelled` are ours.
 */
export type FailureKind = 'transient' | 'silent' | 'rejected' | 'bad_key' | 'blocked' | 'cut' | 'deadline' | 'cancelled';

export interface ModelFailure {
  ok: false;
  kind: FailureKind;
  /** Stable snake_case for logs and records: `http_429`, `first_byte_timeout`, `stream_cut`, `empty_answer`, … Never provider text. */
  code: string;
  retryAfterMs?: number;
  usage?: Usage;
}

export interface ModelAnswer {
  ok: true;
  /** Text and calls, in order, signatures kept. At least one is not empty. */
  parts: Part[];
  /** `length`: the output limit was reached; the text is cut but honest. */
  finish: 'stop' | 'length' | 'calls';
  usage: Usage;
}

export type ModelOutcome = ModelAnswer | ModelFailure;

/**
 * One provider of models. `generate` MUST NOT throw or reject, whatever the wire does: every failure is a value. It always uses the streaming
 * call. `onText` gets each piece of text as it arrives and is called synchronously; nothing is called after the promise resolved.
 */
export interface Provider {
  readonly name: string;
  /** The only models it has; without it the provider on the other side decides. */
  readonly models?: ReadonlySet<string>;
  generate(request: ModelRequest, limits: CallLimits, onText: (text: string) => void): Promise<ModelOutcome>;
  close(): Promise<void>;
}
