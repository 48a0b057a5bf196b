// A provider's API on a real socket: judges requests as strictly as its documents, answers, and fails in every way there is.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Answer, API_CANARY, type Behaviour, type Captured, type Dialect } from './dialect.ts';
import { playApiFault } from './faults.ts';

export type BehaviourSource<Body> = Behaviour | ((request: Captured<Body>) => Behaviour);

export interface FakeApi<Body> {
  readonly url: string;
  readonly requests: Captured<Body>[];
  /** Why requests were refused as invalid; empty is what a good client leaves. */
  readonly refused: string[];
  setBehaviour(behaviour: BehaviourSource<Body>): void;
  /** Behaviours of the next requests, one each. */
  push(...behaviours: Behaviour[]): void;
  connections(): number;
  stop(): Promise<void>;
}

export async function startFakeApi<Body>(dialects: readonly Dialect<Body>[]): Promise<FakeApi<Body>> {
  const requests: Captured<Body>[] = [];
  const refused: string[] = [];
  const queue: Behaviour[] = [];
  const sockets = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();
  let source: BehaviourSource<Body> = {};
  let serial = 0;

  function later(response: ServerResponse, ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (!response.destroyed) run();
    }, ms);
    timers.add(timer);
  }

  function answer(incoming: IncomingMessage, bodyText: string, response: ServerResponse): void {
    const dialect = dialects.find(({ path }) => path === incoming.url);
    if (!dialect || incoming.method !== 'POST') return void response.writeHead(404, { 'content-type': 'application/json' }).end('{}');
    serial += 1;
    const body = JSON.parse(bodyText) as Body;
    const problem = isWellFormed(body) ? dialect.judge(body, incoming.headers) : 'lone surrogate';
    const request = {
      url: incoming.url ?? '',
      headers: incoming.headers,
      bodyText,
      body,
      ...(problem === undefined ? {} : { refused: problem }),
    };
    requests.push(request);
    const ruling = queue.shift() ?? (typeof source === 'function' ? source(request) : source);
    if (problem !== undefined) {
      refused.push(problem);
      const said = dialect.error({ status: 400, type: 'invalid_request_error', message: `${API_CANARY}: ${problem}` });
      return void response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(said));
    }
    const play = () => {
      if (ruling.fault)
        return playApiFault(ruling.fault, { response, dialect, behaviour: ruling, serial, later: (ms, run) => later(response, ms, run) });
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
      drip(dialect.events(withEcho(ruling, dialect.asked(body)), serial), ruling.chunkMs ?? 0, response);
    };
    if (ruling.latencyMs) later(response, ruling.latencyMs, play);
    else play();
  }

  function drip(events: string[], chunkMs: number, response: ServerResponse): void {
    const [first, ...rest] = events;
    if (first === undefined) return void response.end();
    response.write(first);
    if (chunkMs > 0) later(response, chunkMs, () => drip(rest, chunkMs, response));
    else drip(rest, chunkMs, response);
  }

  const server: Server = createServer((incoming, response) => {
    response.on('error', () => undefined); // a client that went away is the client's business
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => answer(incoming, Buffer.concat(chunks).toString('utf8'), response));
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => undefined); // as above
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    refused,
    setBehaviour(behaviour) {
      source = behaviour;
    },
    push: (...behaviours) => void queue.push(...behaviours),
    connections: () => sockets.size,
    async stop() {
      for (const timer of timers) clearTimeout(timer);
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, inner]) => key.isWellFormed() && isWellFormed(inner));
}

/**
 * Without an answer of its own the fake reads tools' results back, calls what `!call name {"json":"args"}` lines ask for, and repeats everything else.
 */
function withEcho(behaviour: Behaviour, asked: { text: string; results: string[] }): Answer {
  if (behaviour.text !== undefined || behaviour.calls || behaviour.finish) return behaviour;
  if (asked.results.length > 0) return { ...behaviour, text: `The tools said: ${asked.results.join('; ')}` };
  const calls = [...asked.text.matchAll(/^!call (\S+)(?: (.*))?$/gm)].map(([, name = '', args]) => ({
    name,
    args: JSON.parse(args ?? '{}') as unknown,
  }));
  return calls.length > 0 ? { ...behaviour, calls } : { ...behaviour, text: `You said: ${asked.text}` };
}
