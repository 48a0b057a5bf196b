// One request to the agent over node:http(s); failures of the network are CallFailed, answers of any status are answers.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { CliError, EXIT } from './failure.ts';
import type { Target } from './target.ts';

export interface Call {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** For the whole call, body included. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: unknown;
}

/** The request got no (whole) answer. `code` is Node's, or `TIMEOUT`, `ABORTED`, `TOO_LARGE`, `NOT_JSON`. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed';
  readonly code: string;
  constructor(code: string, cause?: unknown) {
    super(`the request failed (${code})`, { cause });
    this.code = code;
  }
}

const CALL_MS_MAX = 15_000;
const BODY_BYTES_MAX = 64 * 1024 * 1024;

/** The answer as soon as its headers are there; the caller reads or destroys it. */
export function open(target: Target, call: Call): Promise<IncomingMessage> {
  const url = new URL(target.baseUrl + call.path);
  const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
  const headers: Record<string, string | number> = { accept: 'application/json', ...call.headers };
  if (target.bearer !== undefined) headers.authorization = `Bearer ${target.bearer}`;
  if (body) Object.assign(headers, { 'content-type': 'application/json', 'content-length': body.length });
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const sent = send(url, { method: call.method ?? 'GET', headers, agent: false, ...(call.signal ? { signal: call.signal } : {}) });
    sent.once('response', resolve);
    sent.once('error', (error) => reject(failureOf(error, call.signal)));
    sent.end(body);
  });
}

/** The whole answer, parsed. */
export async function call(target: Target, request: Call): Promise<Answer> {
  const limit = AbortSignal.timeout(request.timeoutMs ?? CALL_MS_MAX);
  const signal = request.signal ? AbortSignal.any([request.signal, limit]) : limit;
  const response = await open(target, { ...request, signal });
  return readAnswer(response, signal);
}

export async function readAnswer(response: IncomingMessage, signal?: AbortSignal): Promise<Answer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > BODY_BYTES_MAX) throw new CallFailed('TOO_LARGE');
      pieces.push(piece);
    }
  } catch (error) {
    throw failureOf(error, signal);
  }
  const text = Buffer.concat(pieces).toString('utf8');
  return { status: response.statusCode ?? 0, headers: response.headers, body: parseJson(text, response) };
}

/** Something that is not JSON comes from somebody else: a proxy's page, another program on the port. */
function parseJson(text: string, response: IncomingMessage): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    if ((response.statusCode ?? 0) >= 400) return undefined;
    throw new CallFailed('NOT_JSON', error);
  }
}

export function failureOf(error: unknown, signal?: AbortSignal): CallFailed {
  if (error instanceof CallFailed) return error;
  if (signal?.aborted)
    return new CallFailed(signal.reason instanceof Error && signal.reason.name === 'TimeoutError' ? 'TIMEOUT' : 'ABORTED', error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'FAILED';
  return new CallFailed(code, error);
}

interface ProblemBody {
  title: string;
  code: string;
  turnId?: string;
  requestId?: string;
  errors?: { path: string; message: string }[];
}

/** The problem document of a failed answer; undefined when the body is none. */
export function problemBody(body: unknown): ProblemBody | undefined {
  const isProblem = typeof body === 'object' && body !== null && 'title' in body && 'code' in body;
  return isProblem && typeof body.title === 'string' && typeof body.code === 'string' ? (body as ProblemBody) : undefined;
}

/** An answer of 400 or more as the command line's error. */
export function answerError(target: Target, answer: Answer): CliError {
  const problem = problemBody(answer.body);
  if (!problem) {
    const what = `${target.baseUrl} answered ${answer.status}, but not as Holdfast does.`;
    return new CliError(what, { exit: EXIT.unreachable, fix: 'check HOLDFAST_URL and what listens on that port', code: 'not_holdfast' });
  }
  const fields = (problem.errors ?? []).map(({ path, message }) => `${path}: ${message}`).join('; ');
  const request = problem.requestId === undefined ? '' : ` (request ${problem.requestId})`;
  const refused =
    answer.status === 401 && target.bearerFrom !== undefined ? ` HOLDFAST_API_KEY from ${target.bearerFrom} was refused.` : '';
  const message = `${problem.title}${refused}${fields === '' ? '' : ` ${fields}.`}${request}`;
  return new CliError(message, { exit: exitOf(answer.status), ...fixOf(target, answer.status, problem), code: problem.code });
}

const exitOf = (status: number): number => (status === 401 || status === 403 ? EXIT.authentication : EXIT.failed);

function fixOf(target: Target, status: number, problem: ProblemBody): { fix?: string } {
  if (target.isLocal && target.bearerFrom !== undefined && (status === 401 || status === 403)) {
    const remove = target.bearerFrom === '.env' ? 'grep -n HOLDFAST_API_KEY .env   # remove that line:' : 'unset HOLDFAST_API_KEY   #';
    return { fix: `${remove} without it the agent's own key on this machine is used` };
  }
  if (status === 401 && target.isLocal) return { fix: 'run this as the user who started the agent, or: export HOLDFAST_API_KEY=<key>' };
  if (status === 401) return { fix: 'holdfast keys create <name>   # on its machine; then: export HOLDFAST_API_KEY=<that key>' };
  if (status === 403) return { fix: 'use a key with the role admin' };
  if (status === 404) return { fix: 'holdfast sessions list' };
  if (status === 503 || status === 429) return { fix: 'try again in a moment; holdfast status shows why' };
  return problem.code === 'internal' ? { fix: 'holdfast logs --level error' } : {};
}

/** A request that got no answer, as the command line's error. */
export function callError(target: Target, failure: CallFailed): CliError {
  if (failure.code === 'TIMEOUT') {
    return new CliError(`${target.baseUrl} did not answer in time.`, {
      exit: EXIT.timedOut,
      fix: 'holdfast status',
      code: 'timeout',
      cause: failure,
    });
  }
  if (failure.code === 'NOT_JSON') return answerError(target, { status: 200, headers: {}, body: undefined });
  const fix = target.isLocal
    ? 'holdfast status, then holdfast restart'
    : 'check HOLDFAST_URL, the network and whether the agent runs there';
  return new CliError(`${target.baseUrl} cannot be reached (${failure.code}).`, {
    exit: EXIT.unreachable,
    fix,
    code: 'unreachable',
    cause: failure,
  });
}

/** A call that must succeed: its body, or a thrown CliError. */
export async function fetchBody<T>(target: Target, request: Call): Promise<T> {
  let answer: Answer;
  try {
    answer = await call(target, request);
  } catch (error) {
    throw error instanceof CallFailed ? callError(target, error) : error;
  }
  if (answer.status >= 400) throw answerError(target, answer);
  return answer.body as T;
}
