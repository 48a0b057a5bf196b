// One function per family of faults. Each owns the response until it ends or the socket is gone.
import type { ServerResponse } from 'node:http';
import { type Behaviour, type CapturedRequest, type Fault, STATUS_FAULTS } from './behaviour.ts';
import { answerEvents, chunkPayload, errorBody, event, PROVIDER_CANARY, usageOf } from './replies.ts';

const HUGE_BYTES = 400 * 1024 * 1024;
const SSE_HEADERS = { 'content-type': 'text/event-stream', 'server-timing': 'gfet4t7; dur=1' };

export interface FaultContext {
  response: ServerResponse;
  request: CapturedRequest;
  behaviour: Behaviour;
  responseId: string;
  /** Runs once after `ms`, unless the socket is gone by then. */
  later(ms: number, run: () => void): void;
  /** Closes the listening socket for a while. */
  goDown(ms: number): void;
}

export function playFault(fault: Fault, context: FaultContext): void {
  const play = CONNECTION_FAULTS[fault] ?? BODY_FAULTS[fault];
  const events = EVENT_FAULTS[fault];
  if ((STATUS_FAULTS as readonly string[]).includes(fault)) statusFault(Number(fault), context);
  else if (play) play(context);
  else context.response.writeHead(200, SSE_HEADERS).end(events?.(context).join('') ?? '');
}

function statusFault(status: number, { response, request, behaviour }: FaultContext, reason?: string): void {
  const body = errorBody(status, behaviour, request.headers['x-goog-api-key'] ?? '', reason);
  response.writeHead(status, {
    'content-type': 'application/json; charset=UTF-8',
    ...(behaviour.retryAfterS === undefined ? {} : { 'retry-after': String(behaviour.retryAfterS) }),
  });
  response.end(body);
}

/** The first text chunk of an answer that will not end well. */
function firstChunk({ responseId, request }: FaultContext): string {
  return event(chunkPayload({ parts: [{ text: 'half an answer ' }], responseId, model: request.model }));
}

function finish(context: FaultContext, finishReason: string, text?: string): string {
  const parts = text === undefined ? undefined : [{ text }];
  return event(
    chunkPayload({ ...(parts ? { parts } : {}), finish: finishReason, responseId: context.responseId, model: context.request.model }),
  );
}

function calls(context: FaultContext, list: { name?: string; args?: unknown }[], finishReason = 'STOP'): string[] {
  const parts = list.map((call) => ({ functionCall: call }));
  return [event(chunkPayload({ parts, finish: finishReason, responseId: context.responseId, model: context.request.model }))];
}

/** Sends the headers and then `text`, then does `next` once that has left. */
function begin({ response }: FaultContext, text: string, next: () => void): void {
  response.writeHead(200, SSE_HEADERS);
  response.flushHeaders();
  if (text) response.write(text, () => setImmediate(next));
  else setImmediate(next);
}

const stay = (): void => undefined;

const CONNECTION_FAULTS: Partial<Record<Fault, (context: FaultContext) => void>> = {
  'bad-key': (c) => statusFault(400, c, 'API_KEY_INVALID'),
  silent: stay,
  'silent-headers': (c) => begin(c, '', stay),
  'silent-mid': (c) => begin(c, firstChunk(c), stay),
  refused: (c) => {
    c.goDown(c.behaviour.downMs ?? 2_000);
    c.response.socket?.resetAndDestroy();
  },
  reset: (c) => c.response.socket?.resetAndDestroy(),
  'reset-headers': (c) => begin(c, '', () => c.response.socket?.resetAndDestroy()),
  // The pause lets the chunk be read: an RST throws away what the other side has not read yet.
  'reset-mid': (c) => begin(c, firstChunk(c), () => c.later(30, () => c.response.socket?.resetAndDestroy())),
  'cut-mid': (c) => begin(c, firstChunk(c), () => c.response.socket?.destroySoon()),
  'not-http': (c) => c.response.socket?.end(`${PROVIDER_CANARY}\r\nthis is no HTTP\r\n\r\n`),
  redirect: (c) => c.response.writeHead(302, { location: 'http://127.0.0.1:1/elsewhere' }).end(PROVIDER_CANARY),
  'redirect-loop': (c) => c.response.writeHead(307, { location: c.request.url }).end(PROVIDER_CANARY),
};

const BODY_FAULTS: Partial<Record<Fault, (context: FaultContext) => void>> = {
  drip: (c) => {
    const bytes = Buffer.from(answerEvents({ ...c.behaviour, chunks: 1 }, c.request, c.responseId).join(''));
    const drop = (at: number): void => {
      if (at >= bytes.length) return void c.response.end();
      c.response.write(bytes.subarray(at, at + 1));
      c.later(c.behaviour.chunkMs ?? 50, () => drop(at + 1));
    };
    begin(c, '', () => drop(0));
  },
  'bad-utf8': (c) => {
    const bytes = Buffer.from(finish(c, 'STOP', 'half an answer'));
    bytes[bytes.indexOf('half')] = 0xff;
    c.response.writeHead(200, SSE_HEADERS).end(bytes);
  },
  html: (c) =>
    c.response.writeHead(200, { 'content-type': 'text/html' }).end(`<!doctype html><title>${PROVIDER_CANARY}</title><h1>Welcome</h1>`),
  gzip: (c) => c.response.writeHead(200, { ...SSE_HEADERS, 'content-encoding': 'gzip' }).end(Buffer.from('1f8b0800000000000003', 'hex')),
  huge: (c) => {
    c.response.writeHead(200, SSE_HEADERS);
    flood(
      c.response,
      Buffer.from(event(chunkPayload({ parts: [{ text: 'x'.repeat(60_000) }], responseId: c.responseId, model: c.request.model }))),
    );
  },
  'huge-line': (c) => {
    c.response.writeHead(200, SSE_HEADERS);
    c.response.write('data: {"candidates":[{"content":{"parts":[{"text":"');
    flood(c.response, Buffer.alloc(64 * 1024, 'x'));
  },
  'huge-error': (c) => {
    c.response.writeHead(503, { 'content-type': 'text/plain' });
    flood(c.response, Buffer.alloc(64 * 1024, PROVIDER_CANARY));
  },
  'silent-error': (c) => {
    c.response.writeHead(503, { 'content-type': 'application/json' });
    c.response.write('{"error":{"code":503,');
  },
  linger: (c) => {
    c.response.writeHead(200, SSE_HEADERS);
    c.response.write(answerEvents(c.behaviour, c.request, c.responseId).join(''));
  },
};

/** Writes the same piece until 400 MB are out or the reader is gone. */
function flood(response: ServerResponse, piece: Buffer): void {
  let left = HUGE_BYTES;
  const pour = (): void => {
    while (left > 0 && !response.destroyed) {
      left -= piece.length;
      if (!response.write(piece)) return void response.once('drain', pour);
    }
    if (!response.destroyed) response.end();
  };
  pour();
}

const EVENT_FAULTS: Partial<Record<Fault, (context: FaultContext) => string[]>> = {
  truncated: (c) => [firstChunk(c)],
  'truncated-event': (c) => [firstChunk(c), firstChunk(c).slice(0, 40)],
  'bad-json': () => [`data: {"candidates": [${PROVIDER_CANARY}\r\n\r\n`],
  empty: (c) => [event({ candidates: [], usageMetadata: usageOf(5, 0), responseId: c.responseId })],
  'no-content': (c) => [finish(c, 'STOP')],
  blank: (c) => [finish(c, 'STOP', '')],
  safety: (c) => [finish(c, 'SAFETY')],
  'safety-mid': (c) => [firstChunk(c), finish(c, 'SAFETY')],
  'prompt-blocked': (c) => [
    event({ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' }, usageMetadata: usageOf(5, 0), responseId: c.responseId }),
  ],
  'max-tokens': (c) => [finish(c, 'MAX_TOKENS', 'an answer that stops at the')],
  'max-tokens-empty': (c) => [finish(c, 'MAX_TOKENS')],
  'unknown-enum': (c) => [finish(c, 'ENLIGHTENED', 'an answer with a new ending')],
  'unknown-enum-empty': (c) => [finish(c, 'ENLIGHTENED')],
  'no-usage': (c) => [
    event(chunkPayload({ parts: [{ text: 'no bill' }], finish: 'STOP', usage: null, responseId: c.responseId, model: c.request.model })),
  ],
  'error-event': (c) => [event({ error: { code: 503, message: PROVIDER_CANARY, status: 'UNAVAILABLE' }, responseId: c.responseId })],
  'error-event-mid': (c) => [firstChunk(c), event({ error: { code: 500, message: PROVIDER_CANARY, status: 'INTERNAL' } })],
  'call-unknown': (c) => calls(c, [{ name: 'launch_rockets', args: { count: 3 } }]),
  'call-args': (c) => calls(c, [{ name: 'current_time', args: 'not an object' }]),
  'call-many': (c) =>
    calls(
      c,
      Array.from({ length: 10_000 }, () => ({ name: 'current_time', args: {} })),
    ),
  'call-giant': (c) => calls(c, [{ name: 'current_time', args: { blob: 'x'.repeat(600 * 1024) } }]),
  'call-deep': (c) => [
    calls(c, [{ name: 'current_time', args: { deep: 0 } }])[0]?.replace('"deep":0', `"deep":${'['.repeat(5_000)}${']'.repeat(5_000)}`) ??
      '',
  ],
  'call-nameless': (c) => calls(c, [{ args: {} }]),
  'call-malformed': (c) => [finish(c, 'MALFORMED_FUNCTION_CALL')],
};
