import { z } from 'zod';
import { problemSchema } from './problem.ts';
import { turnAnswerSchema } from './turn.ts';

/**
 * The one union of what happens while a turn runs; the stream, the CLI and every later reader use it. `text.delta.at` is the offset, in
 * UTF-16 code units, of `text` in the text of this attempt. After `turn.restart` the reader drops what it has. `turn.end` is always last;
 * `error` takes its place when the outcome could not be stored (the turn is then still open).
 */
export const turnEventSchema = z
  .discriminatedUnion('type', [
    z
      .object({ type: z.literal('turn.start'), turnId: z.string(), sessionId: z.string(), attempt: z.number().int() })
      .meta({ description: 'The turn is accepted and has begun. `attempt` counts from 1.' }),
    z
      .object({ type: z.literal('text.delta'), at: z.number().int(), text: z.string() })
      .meta({ description: 'More text of the reply. `at` is its offset, in UTF-16 code units, in the text of this attempt.' }),
    z
      .object({ type: z.literal('tool.start'), callId: z.string(), name: z.string() })
      .meta({ description: 'The model asked for a tool and it is being run.' }),
    z
      .object({
        type: z.literal('tool.end'),
        callId: z.string(),
        name: z.string(),
        outcome: z.enum(['ok', 'error', 'unknown']),
        ms: z.number(),
      })
      .meta({ description: 'The tool is done. `unknown`: it was stopped midway and may or may not have had its effect.' }),
    z
      .object({ type: z.literal('turn.restart'), attempt: z.number().int() })
      .meta({ description: 'The turn runs again after a restart of the server: drop the text received so far.' }),
    z
      .object({ type: z.literal('turn.end'), turn: turnAnswerSchema })
      .meta({ description: 'The outcome, stored. Always last. The data is the turn, the same as the JSON answer.' }),
    z
      .object({ type: z.literal('error'), problem: problemSchema })
      .meta({ description: 'In place of `turn.end` when the outcome could not be stored; the turn stays open. The data is the problem.' }),
  ])
  .meta({ id: 'TurnEvent' });
export type TurnEvent = z.infer<typeof turnEventSchema>;
export type TurnEventType = TurnEvent['type'];

/** `id:` of a server-sent event, `<attempt>.<step>.<offset>`: where a reader stands after having taken the event in. */
export interface Position {
  attempt: number;
  step: number;
  offset: number;
}
export const START: Position = { attempt: 0, step: 0, offset: 0 };

export const formatPosition = (at: Position): string => `${at.attempt}.${at.step}.${at.offset}`;

/** Undefined for anything that is not three non-negative integers of at most nine digits. */
export function parsePosition(text: string): Position | undefined {
  const match = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})$/.exec(text);
  return match ? { attempt: Number(match[1]), step: Number(match[2]), offset: Number(match[3]) } : undefined;
}

/** What `data:` carries: the event without its type; `turn.end` and `error` are the bare body, the same as in the JSON answer. */
export function eventBody(event: TurnEvent): unknown {
  if (event.type === 'turn.end') return event.turn;
  if (event.type === 'error') return event.problem;
  const { type: _, ...body } = event;
  return body;
}

export interface EventKind {
  type: string;
  description: string;
  /** What `data:` carries, as `eventBody` makes it. */
  data: z.ZodType;
}

/** A kind of event of which `data:` carries one field alone. */
const BARE = ['turn', 'problem', 'line'] as const;

/** A union of events, one row per kind. */
export function eventKindsOf(union: z.ZodDiscriminatedUnion): readonly EventKind[] {
  return (union.options as z.ZodObject[]).map((option) => {
    const { type, ...rest } = option.shape as { type: z.ZodLiteral<string> } & Record<string, z.ZodType>;
    const { description = '' } = option.meta() ?? {};
    const bare = BARE.find((name) => name in rest);
    return { type: type.value, description, data: (bare && rest[bare]) ?? z.object(rest) };
  });
}

export const eventKinds: readonly EventKind[] = eventKindsOf(turnEventSchema);

/** What a stream of server-sent events can say. */
export interface EventStream {
  /** Of its schema. */
  name: string;
  description: string;
  kinds: readonly EventKind[];
  /** What `id:` looks like; the last one resumes the stream as `Last-Event-ID`. */
  idPattern: string;
}

export const turnStream: EventStream = {
  name: 'TurnEventStream',
  description: 'Server-sent events in their order; comments in between keep the connection alive. Text is provisional until `turn.end`.',
  kinds: eventKinds,
  idPattern: '^\\d{1,9}\\.\\d{1,9}\\.\\d{1,9}$',
};
