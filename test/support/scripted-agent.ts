// A server that says what a test tells it to, one answer per request: for the command line's way through broken connections.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TurnAnswer } from '../../src/contract/turn.ts';

export interface Heard {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: Record<string, unknown>;
}

export type Reaction = (heard: Heard, response: ServerResponse) => void;

export const SESSION = 'ses_00000000000000000000000001';
export const TURN = 'trn_00000000000000000000000001';

export const turn = (change: Partial<TurnAnswer> = {}): TurnAnswer => ({
  turnId: TURN,
  sessionId: SESSION,
  status: 'completed',
  degraded: false,
  reply: 'Hello there, friend.',
  model: 'gemini/test',
  usage: { inputTokens: 3, outputTokens: 5 },
  createdAt: '2026-01-01T00:00:00.000Z',
  completedAt: '2026-01-01T00:00:01.000Z',
  ...change,
});

/** Reactions to `/v1/chat` and below `/v1/turns/`, in order; the last one stays. Everything else is answered as an agent at rest would. */
export async function startScriptedAgent(...reactions: Reaction[]) {
  const heard: Heard[] = [];
  let next = 0;
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    const text = Buffer.concat(pieces).toString('utf8');
    const one: Heard = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    };
    heard.push(one);
    if (one.path === '/v1/status') return json(200, { currentSession: { id: SESSION, messageCount: 0, restored: false } })(one, response);
    if (one.path === '/v1/sessions') return json(201, { id: 'ses_00000000000000000000000002' })(one, response);
    if (one.path.endsWith('/cancel')) return json(200, turn({ status: 'cancelled', reason: 'caller' }))(one, response);
    const reaction = reactions[Math.min(next++, reactions.length - 1)];
    if (!reaction) throw new Error('no reaction');
    reaction(one, response);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    heard,
    turns: () => heard.filter(({ path }) => path === '/v1/chat' || path.endsWith('/events')),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Reaction =>
  (_, response) => {
    response.writeHead(status, { 'content-type': status >= 400 ? 'application/problem+json' : 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };

export const problem = (status: number, code: string, more: Record<string, unknown> = {}, headers: Record<string, string> = {}): Reaction =>
  json(status, { type: 'about:blank', title: `A ${code} sentence.`, status, code, requestId: 'req_1', ...more }, headers);

/** `[event, body, id]` one after the other, then the end given. */
export function stream(events: [string, unknown, string?][], end: 'end' | 'cut' | 'open' = 'end'): Reaction {
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': beat\n\n');
    for (const [event, body, id] of events) {
      response.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(body)}\n\n`);
    }
    if (end === 'end') response.end();
    // After what was written has left.
    if (end === 'cut') response.write('', () => response.destroy());
  };
}

export const began: [string, unknown, string] = ['turn.start', { turnId: TURN, sessionId: SESSION, attempt: 1 }, '1.0.0'];
export const delta = (at: number, text: string): [string, unknown, string] => ['text.delta', { at, text }, `1.0.${at + text.length}`];
export const ended = (change: Partial<TurnAnswer> = {}): [string, unknown, string] => ['turn.end', turn(change), '1.1.0'];
export const hangUp: Reaction = (_, response) => response.destroy();
