// The operators' live feed, `GET /v1/events`: what a dashboard shows without asking again. It holds no text of a conversation.
import { z } from 'zod';
import { alertChangeSchema } from './alert.ts';
import { type EventStream, eventKindsOf } from './events.ts';
import { checkSchema, lifecycleStateSchema, modelStateSchema, statusSchema } from './status.ts';
import { turnReasonSchema, turnStatusSchema, usageSchema } from './turn.ts';

const healthWord = z.enum(['ok', 'degraded', 'down']);

export const liveEventSchema = z
  .discriminatedUnion('type', [
    z
      .object({
        type: z.literal('snapshot'),
        /** Null for a time that no calendar has. */
        at: z.iso.datetime().nullable(),
        uptimeS: z.number(),
        state: lifecycleStateSchema,
        health: healthWord,
        requests: statusSchema.shape.requests,
        /** Null when the store cannot be read. */
        sessions: z.number().int().nullable(),
        memory: statusSchema.shape.memory,
        models: z.array(modelStateSchema),
      })
      .meta({
        description:
          'The figures of the tiles, the same as in `GET /v1/status`. First when a stream begins, then at most once a second and only when something changed.',
      }),
    z
      .object({ type: z.literal('turn.accepted'), turnId: z.string(), sessionId: z.string() })
      .meta({ description: 'A turn was made durable; it waits or runs.' }),
    z
      .object({
        type: z.literal('turn.ended'),
        turnId: z.string(),
        sessionId: z.string(),
        requestId: z.string(),
        principal: z.string(),
        status: turnStatusSchema,
        reason: turnReasonSchema.optional(),
        attempt: z.number().int(),
        retryOf: z.string().optional(),
        model: z.string().nullable(),
        usage: usageSchema,
        queueMs: z.number(),
        firstTokenMs: z.number().nullable(),
        totalMs: z.number(),
        modelCalls: z.number().int(),
        toolCalls: z.number().int(),
      })
      .meta({ description: 'A turn reached its end. Durations in milliseconds; what was said is at `GET /v1/turns/{id}`.' }),
    z
      .object({ type: z.literal('model.changed'), ...modelStateSchema.shape })
      .meta({ description: 'A configured model is in another state than before.' }),
    z
      .object({
        type: z.literal('health.changed'),
        status: healthWord,
        state: lifecycleStateSchema,
        checks: z.record(z.string(), checkSchema),
      })
      .meta({ description: 'The health word or the state of the process changed; `checks` says why.' }),
    z
      .object({ type: z.literal('alert'), ...alertChangeSchema.shape })
      .meta({ description: 'Something needs an operator, or no longer does.' }),
    z.object({ type: z.literal('reset') }).meta({
      description:
        'What came after your `Last-Event-ID` is not known any more (too long ago, or another process): fetch anew what you show. A `snapshot` follows.',
    }),
    z
      .object({ type: z.literal('lagged'), dropped: z.number().int() })
      .meta({ description: 'You read too slowly: so many events were left out here. Fetch anew what you show.' }),
  ])
  .meta({ id: 'LiveEvent' });
export type LiveEvent = z.infer<typeof liveEventSchema>;
export type LiveSnapshot = Extract<LiveEvent, { type: 'snapshot' }>;

const PLACE = /^([0-9a-f]{16})\.(\d{1,15})$/;

export const liveStream: EventStream = {
  name: 'LiveEventStream',
  description: 'Server-sent events without an end. Comments in between keep the connection alive.',
  kinds: eventKindsOf(liveEventSchema),
  idPattern: PLACE.source,
};

/** `id:` of an event, opaque to readers: which process, and how many events it had published by then. */
export interface LivePlace {
  run: string;
  seq: number;
}
export const formatLivePlace = ({ run, seq }: LivePlace): string => `${run}.${seq}`;

/** Undefined for what was never one of ours. */
export function parseLivePlace(text: string): LivePlace | undefined {
  const [, run = '', seq] = PLACE.exec(text) ?? [];
  return seq === undefined ? undefined : { run, seq: Number(seq) };
}
