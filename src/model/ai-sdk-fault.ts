// What an error of the AI SDK, or a refusal of a provider it speaks to, means for us. Reads statuses, types and delays; of messages only whether they say "too long".
import type { IncomingHttpHeaders } from 'node:http';
import { isRecord } from './foreign.ts';
import type { ModelFailure } from './provider.ts';
import { failure, kindOfStatus, retryAfterMs } from './wire-failure.ts';

const CAUSES_MAX = 8;
const TOO_LONG = /prompt is too long|maximum context length|context window|context_length|input is too long|too many tokens/i;
/** Usage policies refused the question itself. */
const BLOCKED = new Set(['content_filter', 'content_policy_violation', 'invalid_prompt', 'cyber_policy_violation']);
/** No retry helps: somebody must pay. */
const NO_CREDIT = new Set(['insufficient_quota', 'billing_error', 'billing_hard_limit_reached']);
/** Errors inside a stream have names instead of statuses. */
const STATUS_OF: Record<string, number> = {
  invalid_request_error: 400,
  authentication_error: 401,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  api_error: 500,
  server_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};
const CONNECT_CODES = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** A refusal by HTTP status, whose body says `{error: {type, code, message}}` in all dialects. */
export function classifyApiRefusal(status: number, body: string, headers: IncomingHttpHeaders, wallNow: number): ModelFailure {
  const said = saidIn(parse(body));
  if (status >= 200 && status <= 299) return failure('cut', 'not_event_stream');
  const named = namedFailure(said);
  if (named) return named;
  if (status === 402) return failure('bad_key', 'no_credit');
  const kind = kindOfStatus(status);
  if (kind === 'rejected' && TOO_LONG.test(said.message)) return failure('rejected', 'context_too_long');
  const waitMs = kind === 'transient' ? retryAfterMs(headers, wallNow) : undefined;
  return { ...failure(kind, `http_${status}`), ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) };
}

/** Whatever `doStream` threw or the stream said. */
export function classifyThrown(error: unknown, wallNow: number): ModelFailure {
  const chain = causesOf(error);
  const refusal = chain.find((each) => typeof each.statusCode === 'number' && (each.statusCode < 200 || each.statusCode > 299));
  if (refusal) {
    const body = typeof refusal.responseBody === 'string' ? refusal.responseBody : JSON.stringify({ error: refusal.data ?? refusal });
    return classifyApiRefusal(Number(refusal.statusCode), body, headersOf(refusal.responseHeaders), wallNow);
  }
  const names = chain.map((each) => String(each.name));
  if (names.includes('AI_LoadAPIKeyError')) return failure('bad_key', 'no_key');
  if (names.some((name) => /JSONParse|TypeValidation/.test(name))) return failure('cut', 'malformed_json');
  // Said of a stream that stops before its last word.
  if (names.includes('AI_InvalidResponseDataError'))
    return failure('cut', chain[0]?.data === undefined ? 'stream_cut' : 'malformed_answer');
  if (names.some((name) => /InvalidPrompt|InvalidArgument|UnsupportedFunctionality/.test(name))) return failure('rejected', 'unsendable');
  if (names.includes('AI_NoSuchModelError')) return failure('rejected', 'http_404');
  if (chain.some((each) => CONNECT_CODES.has(String(each.code)))) return failure('transient', 'connect_failed');
  const said = saidIn(error);
  const status = STATUS_OF[said.type] ?? STATUS_OF[said.code];
  return namedFailure(said) ?? (status === undefined ? failure('cut', 'stream_error') : failure(kindOfStatus(status), `http_${status}`));
}

interface Said {
  type: string;
  code: string;
  message: string;
}

function namedFailure({ type, code }: Said): ModelFailure | undefined {
  if (code === 'context_length_exceeded') return failure('rejected', 'context_too_long');
  if (BLOCKED.has(code)) return failure('blocked', 'blocked_prompt');
  return NO_CREDIT.has(code) || NO_CREDIT.has(type) ? failure('bad_key', 'no_credit') : undefined;
}

function saidIn(value: unknown): Said {
  let holder: Record<string, unknown> = isRecord(value) ? value : {};
  for (let depth = 0; depth < CAUSES_MAX && (isRecord(holder.error) || isRecord(holder.data)); depth += 1) {
    holder = isRecord(holder.error) ? holder.error : (holder.data as Record<string, unknown>);
  }
  // Ollama and some proxies say `{error: "sentence"}`.
  const message = typeof holder.error === 'string' ? holder.error : holder.message;
  return { type: textOf(holder.type), code: textOf(holder.code), message: textOf(message) };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined; // a proxy's HTML page says nothing we could use
  }
}

function causesOf(error: unknown): Record<string, unknown>[] {
  const chain: Record<string, unknown>[] = [];
  let each = error;
  while (isRecord(each) && chain.length < CAUSES_MAX) {
    chain.push(each);
    each = each.cause;
  }
  return chain;
}

const headersOf = (headers: unknown): IncomingHttpHeaders => (isRecord(headers) ? (headers as IncomingHttpHeaders) : {});
