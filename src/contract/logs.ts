import { z } from 'zod';
import { type EventStream, eventKindsOf } from './events.ts';
import { isoTimeSchema, pageOf } from './session.ts';

export const logLevelSchema = z.enum(['debug', 'info', 'warn', 'error']).meta({ id: 'LogLevel' });

export const LOG_LIMIT_MAX = 1_000;
const field = z.string().min(1).max(200);
const PLACE = /^[0-9a-f]{16}\.\d{1,15}$/;

export const logQuerySchema = z.strictObject({
  cursor: z.string().regex(PLACE, { error: 'is not a cursor of this list' }).optional(),
  limit: z.coerce.number().int().min(1).max(LOG_LIMIT_MAX).default(100),
  level: logLevelSchema.optional().meta({ description: 'This level and those above.' }),
  since: isoTimeSchema.optional(),
  until: isoTimeSchema.optional(),
  sessionId: field.optional(),
  turnId: field.optional(),
  requestId: field.optional(),
  event: field.optional(),
  text: field.optional().meta({ description: 'Anywhere in the line, whatever its case.' }),
});
export type LogQuery = z.infer<typeof logQuerySchema>;

/** Which other fields a line has depends on its event; none of them holds text of a conversation. */
export const logLineSchema = z.looseObject({ time: z.string(), level: logLevelSchema, event: z.string() }).meta({ id: 'LogLine' });
export type LogLineView = z.infer<typeof logLineSchema>;

export const logPageSchema = pageOf(logLineSchema);

/** The log as it is written. After `log.gap` lines are missing that were rotated away before this reader came to them. */
export const logEventSchema = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('log.line'), line: logLineSchema }).meta({ description: 'One line of the log.' }),
    z
      .object({ type: z.literal('log.gap') })
      .meta({ description: 'Lines are missing here: they were rotated away before they could be sent.' }),
  ])
  .meta({ id: 'LogEvent' });
export type LogEvent = z.infer<typeof logEventSchema>;
export const logStream: EventStream = {
  name: 'LogEventStream',
  description: 'Server-sent events: the newest lines up to `limit`, oldest first, then each line as it is written.',
  kinds: eventKindsOf(logEventSchema),
  idPattern: PLACE.source,
};

/** `id:` of an event and cursor of a page: `<file>.<offset>`, opaque to callers. */
export interface LogPosition {
  mark: string;
  offset: number;
}
export const formatLogPosition = ({ mark, offset }: LogPosition): string => `${mark}.${offset}`;

/** Undefined for what was never one of ours. */
export function parseLogPosition(text: string): LogPosition | undefined {
  if (!PLACE.test(text)) return undefined;
  const [mark = '', offset] = text.split('.');
  return { mark, offset: Number(offset) };
}
