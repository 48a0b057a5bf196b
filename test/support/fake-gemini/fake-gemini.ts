// A fake of the Gemini REST API over a real socket: good answers, and every way a provider can fail.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Behaviour, behaviourOfModel, type CapturedRequest, FAULTS, type GeminiRequest, isFault } from './behaviour.ts';
import { playFault } from './faults.ts';
import { answerEvents, errorBody } from './replies.ts';

const CAPTURED_MAX = 1_000;
const BODY_BYTES_MAX = 64 * 1024 * 1024;
const PATH = /^\/v1(?:beta)?\/models\/([^/:?]+):(streamGenerateContent|generateContent)(?:\?|$)/;
const SSE_HEADERS = ['content-type', 'text/event-stream'];

export type BehaviourSource = Behaviour | ((request: CapturedRequest) => Behaviour);

export interface FakeGeminiOptions {
  port?: number;
  host?: string;
  /** Behaviours of the first requests, one each; then `setBehaviour` rules. */
  script?: Behaviour[];
  /** Keep requests in `requests`. Off for benchmarks: it costs memory and keeps bodies. Default true. */
  capture?: boolean;
}

export interface FakeGemini {
  /** What `GOOGLE_GEMINI_BASE_URL` is set to. */
  readonly url: string;
  readonly port: number;
  /** The last 1,000 requests, oldest first. */
  readonly requests: CapturedRequest[];
  /** Generation requests since the start, whatever became of them. */
  calls(): number;
  /** Connections open now. */
  connections(): number;
  setBehaviour(behaviour: BehaviourSource): void;
  /** Appends to the queue of one-request behaviours. */
  push(...behaviours: Behaviour[]): void;
  /** Closes the listening socket (connections are refused) until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  stop(): Promise<void>;
}

export async function startFakeGemini(options: FakeGeminiOptions = {}): Promise<FakeGemini> {
  const fake = new Fake(options);
  await fake.up();
  return fake;
}

class Fake implements FakeGemini {
  port: number;
  readonly requests: CapturedRequest[] = [];
  readonly #host: string;
  readonly #capture: boolean;
  readonly #queue: Behaviour[];
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #server: Server | undefined;
  #behaviour: BehaviourSource = {};
  /** Set when the answer is the same for everyone: nothing is parsed or built per request. */
  #fixed: Buffer[] | undefined;
  #calls = 0;

  constructor(options: FakeGeminiOptions) {
    this.port = options.port ?? 0;
    this.#host = options.host ?? '127.0.0.1';
    this.#capture = options.capture ?? true;
    this.#queue = [...(options.script ?? [])];
  }

  get url(): string {
    return `http://${this.#host}:${this.port}`;
  }

  calls(): number {
    return this.#calls;
  }

  connections(): number {
    return this.#sockets.size;
  }

  push(...behaviours: Behaviour[]): void {
    this.#queue.push(...behaviours);
  }

  setBehaviour(behaviour: BehaviourSource): void {
    this.#behaviour = behaviour;
    this.#fixed = fixedAnswer(behaviour);
  }

  async up(): Promise<void> {
    if (this.#server) return;
    const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 0 }, (request, response) => this.#receive(request, response));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined); // a client that went away is the client's business
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, this.#host, resolve);
    });
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    await this.down();
  }

  #receive(incoming: IncomingMessage, response: ServerResponse): void {
    response.on('error', () => undefined); // as above
    const fast = !this.#capture && this.#queue.length === 0 && this.#fixed !== undefined && !incoming.url?.startsWith('/__');
    const chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (!fast && bytes <= BODY_BYTES_MAX) chunks.push(chunk);
    });
    incoming.on('end', () => {
      if (fast && this.#fixed && incoming.method === 'POST') {
        this.#calls += 1;
        response.writeHead(200, SSE_HEADERS);
        for (const piece of this.#fixed.slice(0, -1)) response.write(piece);
        response.end(this.#fixed.at(-1));
        return;
      }
      this.#answer(incoming, Buffer.concat(chunks).toString('utf8'), response);
    });
  }

  #answer(incoming: IncomingMessage, bodyText: string, response: ServerResponse): void {
    const url = incoming.url ?? '/';
    if (url.startsWith('/__')) {
      this.#control(url, bodyText, response);
      return;
    }
    const match = PATH.exec(url);
    if (!match || incoming.method !== 'POST') {
      response.writeHead(404, { 'content-type': 'application/json' }).end(errorBody(404, {}, ''));
      return;
    }
    this.#calls += 1;
    const request = captured(incoming, bodyText, decodeURIComponent(match[1] ?? ''), match[2] === 'streamGenerateContent');
    if (this.#capture) {
      this.requests.push(request);
      if (this.requests.length > CAPTURED_MAX) this.requests.shift();
    }
    const ruling = typeof this.#behaviour === 'function' ? this.#behaviour(request) : this.#behaviour;
    const behaviour = this.#queue.shift() ?? behaviourOfModel(request.model) ?? ruling;
    const play = () => this.#play(behaviour, request, response);
    if (behaviour.latencyMs) this.#later(response, behaviour.latencyMs, play);
    else play();
  }

  #play(behaviour: Behaviour, request: CapturedRequest, response: ServerResponse): void {
    const responseId = `fake-${this.#calls}`;
    if (behaviour.fault) {
      playFault(behaviour.fault, {
        response,
        request,
        behaviour,
        responseId,
        later: (ms, run) => this.#later(response, ms, run),
        goDown: (ms) => this.#goDown(ms),
      });
      return;
    }
    const events = answerEvents(behaviour, request, responseId);
    if (!request.stream) {
      response.writeHead(200, { 'content-type': 'application/json; charset=UTF-8' });
      response.end(events[0]?.slice('data: '.length).trim());
      return;
    }
    response.writeHead(200, SSE_HEADERS);
    this.#drip(events, 0, behaviour.chunkMs ?? 0, response);
  }

  #drip(events: string[], at: number, chunkMs: number, response: ServerResponse): void {
    if (chunkMs === 0 || at >= events.length - 1) {
      for (const text of events.slice(at, -1)) response.write(text);
      response.end(events.at(-1));
      return;
    }
    response.write(events[at]);
    this.#later(response, chunkMs, () => this.#drip(events, at + 1, chunkMs, response));
  }

  #later(response: ServerResponse, ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!response.destroyed) run();
    }, ms);
    this.#timers.add(timer);
  }

  #goDown(ms: number): void {
    void this.down();
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.up();
    }, ms);
    this.#timers.add(timer);
  }

  /** `POST /__behave`, `POST /__script`, `GET /__stats`. */
  #control(url: string, bodyText: string, response: ServerResponse): void {
    response.setHeader('content-type', 'application/json');
    try {
      if (url === '/__behave') this.setBehaviour(checked(JSON.parse(bodyText || '{}')));
      else if (url === '/__script') this.push(...(JSON.parse(bodyText) as Behaviour[]).map(checked));
      else if (url !== '/__stats') return void response.writeHead(404).end('{"error":"unknown control path"}');
    } catch (error) {
      return void response.writeHead(400).end(JSON.stringify({ error: String(error) }));
    }
    response.end(`${JSON.stringify({ ok: true, calls: this.#calls, connections: this.#sockets.size, queued: this.#queue.length })}\n`);
  }
}

function checked(behaviour: Behaviour): Behaviour {
  if (behaviour.fault && !isFault(behaviour.fault)) throw new Error(`no such fault; there are: ${FAULTS.join(' ')}`);
  return behaviour;
}

/** Bytes of a whole answer that does not depend on the request, or undefined. */
function fixedAnswer(behaviour: BehaviourSource): Buffer[] | undefined {
  if (typeof behaviour === 'function' || behaviour.fault || behaviour.latencyMs || behaviour.chunkMs || behaviour.calls) return undefined;
  if (behaviour.text === undefined && behaviour.words === undefined) return undefined;
  const anyone = { model: 'fake', bodyText: '' } as CapturedRequest;
  return answerEvents(behaviour, anyone, 'fake-fixed').map((text) => Buffer.from(text));
}

function captured(incoming: IncomingMessage, bodyText: string, model: string, stream: boolean): CapturedRequest {
  let parsed: GeminiRequest | undefined;
  return {
    method: incoming.method ?? '',
    url: incoming.url ?? '',
    model,
    stream,
    headers: incoming.headers as Record<string, string>,
    bodyText,
    body: () => (parsed ??= JSON.parse(bodyText) as GeminiRequest),
  };
}
