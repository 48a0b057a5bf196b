import { z } from 'zod';
import { turnReasonSchema, turnStatusSchema, usageSchema } from './turn.ts';

const ms = z.number();

const attemptSchema = z
  .object({
    provider: z.string(),
    model: z.string(),
    /** `ok`, or what failed. */
    code: z.string(),
    ms,
    usage: usageSchema.optional(),
  })
  .meta({ id: 'ModelAttempt' });

export const traceStepSchema = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('model'), ms, attempts: z.array(attemptSchema) }),
    z.object({ kind: z.literal('tool'), name: z.string(), callId: z.string(), outcome: z.enum(['ok', 'error', 'unknown']), ms }),
  ])
  .meta({ id: 'TraceStep' });

/** How a turn went, without a word of what was said. Durations are milliseconds; null while it is not known. */
export const turnTraceSchema = z
  .object({
    turnId: z.string(),
    sessionId: z.string(),
    requestId: z.string(),
    principal: z.string(),
    status: turnStatusSchema,
    reason: turnReasonSchema.optional(),
    /** 1 for the first run; each recovery and each restart after a broken stream adds one. */
    attempt: z.number().int(),
    recoveries: z.number().int(),
    retryOf: z.string().optional(),
    createdAt: z.iso.datetime(),
    completedAt: z.iso.datetime().nullable(),
    queueMs: ms.nullable(),
    firstTokenMs: ms.nullable(),
    totalMs: ms.nullable(),
    /** In order. Empty while the turn is open: they are stored with its end. */
    steps: z.array(traceStepSchema),
    /** What went wrong on the way, each kind once, and what to do about it. */
    advice: z.array(z.object({ code: z.string(), cause: z.string(), fix: z.string() })),
  })
  .meta({ id: 'TurnTrace' });
export type TurnTrace = z.infer<typeof turnTraceSchema>;
export type TraceStep = z.infer<typeof traceStepSchema>;
