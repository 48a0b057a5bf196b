// Sends one message and stays with its turn until it ends: over broken connections, restarts of the agent and refusals while it drains.
import type { IncomingMessage } from 'node:http';
import { fullJitterMs } from '../base/backoff.ts';
import { type Clock, pause } from '../base/clock.ts';
import { readServerEvents, type ServerEvent } from '../client/server-events.ts';
import type { TurnAnswer } from '../contract/turn.ts';
import { HANGS_FIX } from './ask-status.ts';
import { CliError, EXIT } from './failure.ts';
import {
  type Answer,
  answerError,
  type Call,
  CallFailed,
  call,
  callError,
  failureOf,
  open,
  problemBody,
  readAnswer,
} from './http-client.ts';
import type { Finder, Target } from './target.ts';

export interface TurnRequest {
  message: string;
  sessionId?: string;
  model?: string;
  /** The turn's deadline; we wait `GRACE_MS` longer. */
  timeoutMs: number;
  stream: boolean;
  /** The same for every time this message is sent. */
  idempotencyKey: string;
}

export type TurnUpdate =
  | { type: 'start'; turnId: string; sessionId: string }
  | { type: 'delta'; at: number; text: string }
  /** The text so far is void. */
  | { type: 'restart' }
  | { type: 'tool'; name: string }
  /** The connection is gone; it is tried again. */
  | { type: 'reconnect' };

export type TurnOutcome =
  | { kind: 'ended'; turn: TurnAnswer }
  | { kind: 'failed'; error: CliError }
  /** Time is up; the turn may still be open. */
  | { kind: 'open'; turnId?: string; refused?: true }
  | { kind: 'interrupted'; turnId?: string };

export interface TurnClient {
  finder: Pick<Finder, 'target'>;
  clock: Clock;
  random: () => number;
}

const HANGS_FIX_IF = `holdfast status   # if that gets no answer either: ${HANGS_FIX.split('   #')[0]}`;
export const GRACE_MS = 5_000;
const TRIES_MAX = 200;
const AGAIN_BASE_MS = 100;
const AGAIN_CAP_MS = 2_000;
/** The server sends a comment every 15 s; twice that without a byte is a dead connection. */
const SILENCE_MS_MAX = 40_000;
const CANCEL_MS_MAX = 5_000;

/** What survives a broken connection. */
interface Place {
  turnId?: string;
  lastEventId?: string;
  /** Something was sent that may have arrived: from here on only the same key may be used, and an absent agent is waited for. */
  isSent: boolean;
  /** Not every try was answered with a plain refusal: the message may be stored. */
  mayBeStored: boolean;
}

type Step = TurnOutcome | { kind: 'again'; waitMs?: number };

/** Resolves with how it ended. Throws CliError only when nothing can have been accepted yet: not running, unreachable. */
export async function followTurn(
  client: TurnClient,
  request: TurnRequest,
  onUpdate: (update: TurnUpdate) => void,
  signal: AbortSignal,
): Promise<TurnOutcome> {
  const { clock } = client;
  const until = clock.monotonic() + request.timeoutMs + GRACE_MS;
  const place: Place = { isSent: false, mayBeStored: false };
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const leftMs = until - clock.monotonic();
    if (leftMs <= 0) break;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(leftMs))]);
    const step = await attempt(client, { request, place, limit }, onUpdate);
    if (signal.aborted) return interrupted(client, request, place);
    if (step.kind !== 'again') return step;
    if (tries === 0) onUpdate({ type: 'reconnect' });
    const waitMs = step.waitMs ?? AGAIN_BASE_MS + fullJitterMs(tries, AGAIN_BASE_MS, AGAIN_CAP_MS, client.random);
    await pause(clock, Math.min(waitMs, until - clock.monotonic()), signal);
  }
  return place.mayBeStored || place.turnId !== undefined ? { kind: 'open', ...idOf(place) } : { kind: 'open', refused: true };
}

const idOf = (place: Place): { turnId?: string } => (place.turnId === undefined ? {} : { turnId: place.turnId });

interface Try {
  request: TurnRequest;
  place: Place;
  limit: AbortSignal;
}

async function attempt(client: TurnClient, { request, place, limit }: Try, onUpdate: (update: TurnUpdate) => void): Promise<Step> {
  let target: Target;
  try {
    target = client.finder.target();
  } catch (error) {
    if (!place.isSent) throw error;
    return { kind: 'again' };
  }
  try {
    const response = await open(target, { ...nextCall(request, place), signal: limit });
    place.isSent = true;
    if (!isEventStream(response)) return judge(target, await readAnswer(response, limit), place);
    place.mayBeStored = true;
    return await readEvents(target, response, place, onUpdate);
  } catch (error) {
    const failure = failureOf(error, limit);
    const isNobodyThere = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(failure.code);
    // A local agent that lives but does not listen is starting or draining: worth waiting for.
    if (isNobodyThere && !place.isSent && !target.isLocal) throw callError(target, failure);
    if (/CERT|SELF_SIGNED|ERR_TLS|ERR_SSL|NOT_JSON|TOO_LARGE/.test(failure.code))
      return { kind: 'failed', error: callError(target, failure) };
    place.isSent ||= !isNobodyThere;
    place.mayBeStored ||= !isNobodyThere;
    return { kind: 'again' };
  }
}

/** A known turn is followed; otherwise the same message goes out under the same key, which finds the same turn. */
function nextCall(request: TurnRequest, place: Place): Call {
  if (request.stream && place.turnId !== undefined) {
    const headers: Record<string, string> = { accept: 'text/event-stream' };
    if (place.lastEventId !== undefined) headers['last-event-id'] = place.lastEventId;
    return { path: `/v1/turns/${encodeURIComponent(place.turnId)}/events`, headers };
  }
  return postCall(request, { accept: request.stream ? 'text/event-stream' : 'application/json' });
}

function postCall(request: TurnRequest, headers: Record<string, string>): Call {
  const { message, sessionId, model, timeoutMs, stream, idempotencyKey } = request;
  const body = {
    message,
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(model === undefined ? {} : { model }),
    deadlineMs: timeoutMs,
    ...(stream && headers.accept === 'text/event-stream' ? { stream } : {}),
  };
  return { method: 'POST', path: '/v1/chat', body, headers: { ...headers, 'idempotency-key': idempotencyKey } };
}

const isEventStream = (response: IncomingMessage): boolean => (response.headers['content-type'] ?? '').startsWith('text/event-stream');

/** An answer that is one document: the turn as it is, or a problem. */
function judge(target: Target, answer: Answer, place: Place): Step {
  const turn = turnOf(answer.body);
  if (turn) {
    if (turn.status !== 'queued' && turn.status !== 'running') return { kind: 'ended', turn };
    place.turnId = turn.turnId;
    return { kind: 'again' };
  }
  const problem = problemBody(answer.body);
  if (problem?.turnId !== undefined) place.turnId = problem.turnId;
  const retryAfterMs = Number(answer.headers['retry-after'] ?? Number.NaN) * 1000;
  const wait = Number.isFinite(retryAfterMs) ? { waitMs: retryAfterMs } : {};
  if (problem?.code === 'draining') return { kind: 'again', ...wait };
  if ((problem?.code === 'overloaded' || problem?.code === 'rate_limited') && wait.waitMs !== undefined) return { kind: 'again', ...wait };
  if (answer.status === 404 && place.turnId !== undefined && problem?.turnId === undefined) {
    delete place.turnId;
    delete place.lastEventId;
    return { kind: 'again' };
  }
  // A gateway's page says nothing about the turn.
  if (!problem && [502, 503, 504].includes(answer.status)) {
    place.mayBeStored = true;
    return { kind: 'again' };
  }
  return { kind: 'failed', error: answerError(target, answer) };
}

async function readEvents(target: Target, response: IncomingMessage, place: Place, onUpdate: (update: TurnUpdate) => void): Promise<Step> {
  response.setTimeout(SILENCE_MS_MAX, () => response.destroy(new CallFailed('SILENT')));
  try {
    for await (const event of readServerEvents(response)) {
      if (event.id !== undefined) place.lastEventId = event.id;
      const step = takeEvent(target, event, place, onUpdate);
      if (step) return step;
    }
  } finally {
    response.destroy();
  }
  return { kind: 'again' };
}

function takeEvent(target: Target, event: ServerEvent, place: Place, onUpdate: (update: TurnUpdate) => void): Step | undefined {
  const body = parseRecord(event.data);
  switch (event.event) {
    case 'turn.start':
      if (typeof body.turnId !== 'string' || typeof body.sessionId !== 'string') return undefined;
      place.turnId = body.turnId;
      onUpdate({ type: 'start', turnId: body.turnId, sessionId: body.sessionId });
      return undefined;
    case 'text.delta':
      if (typeof body.at === 'number' && typeof body.text === 'string') onUpdate({ type: 'delta', at: body.at, text: body.text });
      return undefined;
    case 'turn.restart':
      onUpdate({ type: 'restart' });
      return undefined;
    case 'tool.start':
      if (typeof body.name === 'string') onUpdate({ type: 'tool', name: body.name });
      return undefined;
    case 'turn.end': {
      const turn = turnOf(body);
      if (turn) return { kind: 'ended', turn };
      // A failed turn ends with a problem body, as its JSON answer does.
      return { kind: 'failed', error: answerError(target, { status: 500, headers: {}, body }) };
    }
    case 'error':
      return {
        kind: 'failed',
        error: answerError(target, { status: typeof body.status === 'number' ? body.status : 503, headers: {}, body }),
      };
    default:
      return undefined;
  }
}

function parseRecord(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function turnOf(body: unknown): TurnAnswer | undefined {
  const isTurn = typeof body === 'object' && body !== null && 'turnId' in body && 'reply' in body && 'degraded' in body;
  return isTurn ? (body as TurnAnswer) : undefined;
}

/** The caller gave up: the turn is cancelled if it can be found. What happens to it otherwise is the server's own deadline. */
async function interrupted(client: TurnClient, request: TurnRequest, place: Place): Promise<TurnOutcome> {
  if (!place.isSent) return { kind: 'interrupted' };
  try {
    const target = client.finder.target();
    const limits = { timeoutMs: CANCEL_MS_MAX };
    if (place.turnId === undefined) {
      const found = await call(target, { ...postCall(request, { accept: 'application/json', prefer: 'respond-async' }), ...limits });
      const turn = turnOf(found.body);
      if (turn) place.turnId = turn.turnId;
    }
    if (place.turnId === undefined) return { kind: 'interrupted' };
    const path = `/v1/turns/${encodeURIComponent(place.turnId)}/cancel`;
    const cancelled = await call(target, { method: 'POST', path, ...limits });
    return cancelled.status < 400 ? { kind: 'interrupted', ...idOf(place) } : { kind: 'interrupted' };
  } catch (error) {
    if (error instanceof CallFailed || error instanceof CliError) return { kind: 'interrupted' };
    throw error;
  }
}

/** How an outcome that is not `ended` is told. */
export function outcomeError(outcome: Exclude<TurnOutcome, { kind: 'ended' }>, request: TurnRequest): CliError {
  if (outcome.kind === 'failed') return outcome.error;
  if (outcome.kind === 'interrupted') {
    const what = outcome.turnId === undefined ? 'Interrupted.' : `Interrupted; the turn ${outcome.turnId} is cancelled.`;
    return new CliError(what, { exit: EXIT.interrupted, code: 'interrupted' });
  }
  if (outcome.refused) {
    return new CliError(
      `The agent took no message within ${request.timeoutMs / 1000} s: it is stopping, starting or overloaded. Yours was not stored.`,
      {
        exit: EXIT.timedOut,
        fix: 'holdfast status',
        code: 'not_accepted',
      },
    );
  }
  const turn = outcome.turnId === undefined ? 'The message' : `The turn ${outcome.turnId}`;
  return new CliError(`No answer within ${request.timeoutMs / 1000} s. ${turn} may still be answered later.`, {
    exit: EXIT.timedOut,
    // An agent that lives names the turn at once.
    fix:
      outcome.turnId === undefined && request.stream
        ? HANGS_FIX_IF
        : request.sessionId === undefined
          ? 'holdfast sessions list'
          : `holdfast sessions show ${request.sessionId}`,
    code: 'timeout',
  });
}
