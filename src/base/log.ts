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
