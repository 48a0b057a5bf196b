// What a fake of a provider's API is made of: how requests are judged and answers are spelled.
import type { IncomingHttpHeaders } from 'node:http';

export const API_FAULTS = [
  ...(['400', '401', '402', '403', '404', '408', '413', '429', '500', '502', '503', '529'] as const),
  'context-too-long', // the refusal of a prompt that does not fit
  'no-credit', // the refusal of an account without money
  'blocked', // the refusal of a question by policy
  'silent', // the request is read, no byte ever comes
  'silent-headers', // headers, then nothing
  'silent-mid', // a piece of text, then nothing
  'pings', // comments and keep-alives, and never a word
  'reset', // RST before any byte
  'reset-mid', // RST after a piece of text
  'truncated', // clean end after a piece of text
  'cut-mid', // connection closed without the last HTTP chunk
  'drip', // one byte of a valid answer every `chunkMs`
  'html', // 200 with an HTML page
  'bad-json', // an event that is no JSON
  'bad-utf8', // an event with a byte that is no UTF-8
  'huge', // 400 MB of valid events
  'huge-line', // 400 MB in one line
  'huge-error', // 503 with a 400 MB body
  'empty', // a good end and nothing before it
  'filtered', // a stop by the safety filter
  'filtered-mid',
  'length', // cut by the output limit
  'length-empty',
  'error-event', // an error as the first event
  'error-event-mid', // after a piece of text
  'call-malformed', // arguments that are no JSON
  'call-many', // a hundred calls
  'redirect', // 307 to another place
  'gzip', // a content encoding nobody asked for
  'not-http', // bytes that are no HTTP
  'linger', // a good answer on a connection that stays open
] as const;
export type ApiFault = (typeof API_FAULTS)[number];

export interface Call {
  name: string;
  args: unknown;
}

export interface Answer {
  text?: string;
  calls?: Call[];
  /** Makes the model think first; the block comes sealed, and only this fake takes it back. */
  thought?: string;
  finish?: 'stop' | 'length' | 'filter';
  /** Arguments sent as they are. */
  rawArguments?: string;
}

export interface Behaviour extends Answer {
  fault?: ApiFault;
  retryAfter?: string;
  latencyMs?: number;
  chunkMs?: number;
}

export interface Captured<Body> {
  url: string;
  headers: IncomingHttpHeaders;
  bodyText: string;
  body: Body;
  /** Why it was refused; undefined for a request the real API would take. */
  refused?: string;
}

export interface Refusal {
  status: number;
  type: string;
  code?: string;
  message: string;
}

export interface Dialect<Body> {
  path: string;
  /** Undefined for a valid request. */
  judge(body: Body, headers: IncomingHttpHeaders): string | undefined;
  /** What is asked: the last user's text, or the results of tools. */
  asked(body: Body): { text: string; results: string[] };
  /** Whole events. The first `prelude` of them carry no text. */
  events(answer: Answer, serial: number): string[];
  /** A piece of text as a complete event, for streams that break. */
  piece(text: string, serial: number): string;
  ping: string;
  error(refusal: Refusal): object;
  errorEvent(refusal: Refusal): string;
  refusals: { contextTooLong: Refusal; noCredit: Refusal; blocked: Refusal };
}

/** In every error body, so a test can look for it where it must never appear. */
export const API_CANARY = 'provider-body-canary-9c2e';
/** Thoughts sealed by the fakes; the kind is in the seal, so one never takes the other's. */
export const seal = (kind: string, thought: string): string => `${kind}-sealed-${Buffer.from(thought).toString('base64url')}`;
export const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

/** The first problem of a list of checks. */
export function firstOf(...checks: (string | false | undefined)[]): string | undefined {
  return checks.find((check) => typeof check === 'string');
}

/** What OpenAI and Anthropic take as the schema of a tool's input. */
export function schemaProblem(schema: unknown): string | undefined {
  if (typeof schema !== 'object' || schema === null) return 'schema is not an object';
  const { type } = schema as { type?: unknown };
  const barred = ['anyOf', 'oneOf', 'allOf', 'enum', 'not'].find((key) => key in schema);
  return firstOf(
    type !== 'object' && "schema must have type 'object'",
    barred !== undefined && `schema must not have ${barred} at its top`,
  );
}

export function unknownKey(value: object, known: readonly string[], where: string): string | undefined {
  const strange = Object.keys(value).find((key) => !known.includes(key));
  return strange === undefined ? undefined : `unknown parameter ${where}.${strange}`;
}
