import { type DestinationStream, type Logger as Pino, pino } from 'pino';
import { cleanText } from './clean-text.ts';
import type { Clock } from './clock.ts';
import { describeError } from './describe-error.ts';
import { isoTime } from './iso-time.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/**
 * Everything a log line may carry. There is no free text of a caller or provider in here, on purpose: to log something new, declare it.
 * Strings are cut at 2 KiB and control characters escaped by the logger.
 */
export interface LogFields {
  requestId?: string;
  sessionId?: string;
  turnId?: string;
  principal?: string;
  /** Route template (`/v1/turns/:id`), never a URL. */
  route?: string;
  method?: string;
  status?: number | string;
  code?: string;
  reason?: string;
  model?: string;
  provider?: string;
  tool?: string;
  part?: string;
  state?: string;
  attempt?: number;
  count?: number;
  bytes?: number;
  ms?: number;
  queueMs?: number;
  firstTokenMs?: number | null;
  inputTokens?: number;
  outputTokens?: number;
  port?: number;
  host?: string;
  pid?: number;
  version?: string;
  seq?: number;
  hash?: string;
  signal?: string;
  setting?: string;
  /** Of a foreign error only name, code and our own stack frames are kept, never its message. */
  error?: unknown;
}

/** Lines are `{time, level, event, …fields}`. Event names are noun then verb: `turn.end`, `store.opened`. Never throws, never blocks. */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Where lines go. Nothing of it throws or blocks; a full or broken destination drops lines and counts them. */
export interface LogSink {
  /** One line with its newline. */
  write(line: string): void;
  /** Settles when what was written before is out, or after a second at most. Never rejects. */
  flush(): Promise<void>;
  /** The same for an exit that cannot wait; blocks for a fifth of a second at most. */
  flushSync(): void;
  /** Lines lost since the start. */
  dropped(): number;
  /** Flushes and lets go of the destination; later lines are dropped. */
  close(): Promise<void>;
}

export interface LoggerOptions {
  level: LogLevel;
  sink: Pick<LogSink, 'write'>;
  clock: Pick<Clock, 'now'>;
  /** On every line, for example the pid. */
  bindings?: LogFields;
}

/** JSON lines by pino. */
export function createLogger({ level, sink, clock, bindings = {} }: LoggerOptions): Logger {
  const destination: DestinationStream = { write: (line) => sink.write(line) };
  const lines = pino(
    {
      level,
      base: clean(bindings),
      timestamp: () => `,"time":${JSON.stringify(isoTime(clock.now()))}`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return { debug: method(lines, 'debug'), info: method(lines, 'info'), warn: method(lines, 'warn'), error: method(lines, 'error') };
}

function method(lines: Pino, level: LogLevel): Logger[LogLevel] {
  if (!lines.isLevelEnabled(level)) return () => {};
  return (event, fields) => {
    try {
      lines[level]({ event: cleanText(event), ...clean(fields) });
    } catch {
      // Nothing that is logged may hurt whoever logs it, such as fields that throw when read.
    }
  };
}

/** Only what a line may carry: text made safe, numbers, booleans, null; errors as facts; of any other object no more than that it was one. */
function clean(fields: LogFields | undefined): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields ?? {}) as [string, unknown][]) {
    if (name === 'error') safe[name] = describeError(value);
    else if (typeof value === 'string') safe[name] = cleanText(value);
    else if (typeof value === 'object' && value !== null) safe[name] = '[object]';
    else if (typeof value === 'bigint') safe[name] = value.toString();
    else if (typeof value !== 'function' && typeof value !== 'symbol') safe[name] = value;
  }
  return safe;
}
