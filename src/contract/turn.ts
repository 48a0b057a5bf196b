import { z } from 'zod';

export const turnStatusSchema = z.enum(['queued', 'running', 'completed', 'degraded', 'failed', 'cancelled']).meta({ id: 'TurnStatus' });
export type TurnStatus = z.infer<typeof turnStatusSchema>;
export type TerminalStatus = 'completed' | 'degraded' | 'failed' | 'cancelled';
export const isTerminal = (status: TurnStatus): status is TerminalStatus => status !== 'queued' && status !== 'running';

/** Why a turn did not complete. */
export const turnReasonSchema = z
  .enum([
    'model_unavailable',
    'deadline',
    'queue_timeout',
    'incomplete',
    'blocked',
    'step_limit',
    'middleware',
    'caller',
    'superseded',
    'recovery_exhausted',
    'expired',
    'internal',
  ])
  .meta({ id: 'TurnReason' });
export type TurnReason = z.infer<typeof turnReasonSchema>;

export const usageSchema = z.object({ inputTokens: z.number().int(), outputTokens: z.number().int() }).meta({ id: 'Usage' });
export type Usage = z.infer<typeof usageSchema>;

/** The answer to a turn: the JSON body of `POST /v1/chat` and the body of the `turn.end` event. */
export const turnAnswerSchema = z
  .object({
    turnId: z.string(),
    sessionId: z.string(),
    status: turnStatusSchema,
    degraded: z.boolean(),
    reason: turnReasonSchema.optional(),
    /** Only while the turn is open. */
    waitingFor: z.enum(['model', 'lane']).optional(),
    /** The model's reply; for a degraded turn the fallback, or the partial text when `incomplete`. Null while open. */
    reply: z.string().nullable(),
    incomplete: z.boolean().optional(),
    /** The fallback sentence that goes with an incomplete reply. */
    notice: z.string().optional(),
    model: z.string().nullable(),
    usage: usageSchema,
    retryOf: z.string().optional(),
    createdAt: z.iso.datetime(),
    completedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Turn' });
export type TurnAnswer = z.infer<typeof turnAnswerSchema>;

/**
 * The one wide record of an ended turn. Audit, metrics, the log line, webhooks and alerts all derive from it; it holds no
 * conversation text. Durations are milliseconds.
 */
export interface TurnRecord {
  turnId: string;
  sessionId: string;
  principal: string;
  requestId: string;
  status: TerminalStatus;
  reason?: TurnReason;
  attempt: number;
  retryOf?: string;
  /** `provider/model` that gave the reply, null for a fallback. */
  model: string | null;
  usage: Usage;
  queueMs: number;
  /** From acceptance to the first token, null when none came. */
  firstTokenMs: number | null;
  totalMs: number;
  steps: StepRecord[];
}

export type StepRecord = ModelStepRecord | ToolStepRecord;

export interface ModelStepRecord {
  kind: 'model';
  /** Every upstream call made for this step, in order. */
  attempts: ModelAttempt[];
  ms: number;
}

export interface ToolStepRecord {
  kind: 'tool';
  name: string;
  callId: string;
  outcome: 'ok' | 'error' | 'unknown';
  ms: number;
}

export interface ModelAttempt {
  provider: string;
  model: string;
  /** `ok`, or the failure code of `model/provider.ts`. */
  code: string;
  ms: number;
  usage?: Usage;
}
