// POST to a model provider over a keep-alive pool, the reply read as a stream. Never throws: failures are values.
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../base/clock.ts';
import type { CallLimits } from './provider.ts';

/** A free socket is dropped after this: middleboxes forget idle connections silently, and a dead one looks like a silent model. */
const FREE_SOCKET_MS = 30_000;
const CONNECT_MS = 3_000;
const RESPONSE_BYTES_MAX = 8 * 1024 * 1024;
/** An error body is read to classify it, never kept. */
const ERROR_BODY_BYTES_MAX = 64 * 1024;
/** How long a reply that already said everything, or an error body, may take to end before the socket is given up. */
const LINGER_MS = 500;

export type HttpFault =
  | 'connect_timeout'
  | 'connect_refused'
  | 'dns_failed'
  | 'tls_failed'
  | 'reset'
  | 'not_http'
  | 'first_byte_timeout'
  | 'idle_timeout'
  | 'response_too_large'
  | 'deadline'
  | 'cancelled'
  | 'unsendable';

/** How the reader of a reply stands after a chunk: only `progress` counts against silence, so comments and half events do not. */
export type Reading = 'more' | 'progress' | 'done' | 'stop';

export type StreamEnd =
  /** A 200 whose body ended, or whose reader said `done` or `stop`. */
  | { kind: 'read' }
  /** Any other status, or a 200 of another content type. `body` is cut at 64 KiB. */
  | { kind: 'refused'; status: number; headers: IncomingHttpHeaders; body: string }
  | { kind: 'failed'; fault: HttpFault };

export interface HttpStreamOptions {
  baseUrl: string;
  /** Content type of a reply worth reading. */
  accept: string;
  clock: Clock;
  /** Sockets open at once. Callers keep their own number of calls below it. */
  socketsMax: number;
  connectMs?: number;
  responseBytesMax?: number;
}

export interface Post {
  path: string;
  /** Names and values in turn; Host and Content-Length are added. */
  headers: string[];
  body: string;
  limits: CallLimits;
}

export interface HttpStream {
  /** `read` gets the chunks of a 200 synchronously and is never called after the promise resolved. */
  post(post: Post, read: (chunk: Buffer) => Reading): Promise<StreamEnd>;
  close(): void;
}

export function createHttpStream(options: HttpStreamOptions): HttpStream {
  const base = new URL(options.baseUrl);
  const secure = base.protocol === 'https:';
  const pool = {
    keepAlive: true,
    maxSockets: options.socketsMax,
    maxFreeSockets: options.socketsMax,
    scheduling: 'lifo',
    timeout: FREE_SOCKET_MS,
  } as const;
  const agent = secure ? new HttpsAgent(pool) : new HttpAgent(pool);
  const send = secure ? httpsRequest : httpRequest;
  const prefix = base.pathname.replace(/\/+$/, '');
  const target = {
    protocol: base.protocol,
    hostname: base.hostname.replace(/^\[|\]$/g, ''),
    port: base.port || (secure ? 443 : 80),
    method: 'POST',
    agent,
  };

  return {
    post(post, read) {
      const headers = ['host', base.host, ...post.headers, 'content-length', String(Buffer.byteLength(post.body))];
      return new Promise((resolve) => {
        const call = new Call(post.limits, options, read, resolve);
        if (call.over) return;
        try {
          call.start(send({ ...target, path: prefix + post.path, headers }), post.body);
        } catch {
          // Node refuses to build the request: a header or path with forbidden characters. Its message would quote them.
          call.fail('unsendable');
        }
      });
    },
    close: () => agent.destroy(),
  };
}

/** One call under way. It owns one timer, armed for the nearest limit and moved only when a limit comes nearer. */
class Call {
  readonly #limits: CallLimits;
  readonly #options: HttpStreamOptions;
  readonly #clock: Clock;
  readonly #read: (chunk: Buffer) => Reading;
  readonly #resolve: (end: StreamEnd) => void;
  #request: ClientRequest | undefined;
  #timer: Timer | undefined;
  #timerAt = Infinity;
  /** The limit that rules now and when it strikes. */
  #dueAt = 0;
  #due: HttpFault | 'linger' = 'connect_timeout';
  readonly #firstByteAt: number;
  #bytes = 0;
  #refused: { status: number; headers: IncomingHttpHeaders; chunks: Buffer[] } | undefined;
  over = false;

  constructor(limits: CallLimits, options: HttpStreamOptions, read: (chunk: Buffer) => Reading, resolve: (end: StreamEnd) => void) {
    this.#limits = limits;
    this.#options = options;
    this.#clock = options.clock;
    this.#read = read;
    this.#resolve = resolve;
    const now = this.#clock.monotonic();
    this.#firstByteAt = now + limits.firstByteMs;
    if (limits.signal.aborted) this.fail('cancelled');
    else if (now >= limits.deadlineAt) this.fail('deadline');
    else this.#rule('connect_timeout', Math.min(now + (options.connectMs ?? CONNECT_MS), this.#firstByteAt));
  }

  start(request: ClientRequest, body: string): void {
    this.#request = request;
    this.#limits.signal.addEventListener('abort', this.#abort);
    request.on('error', (error: NodeJS.ErrnoException) => this.fail(faultOf(error)));
    request.on('close', this.#lost);
    request.on('response', (response) => this.#open(response));
    request.end(body);
  }

  fail(fault: HttpFault): void {
    this.#end({ kind: 'failed', fault });
  }

  #open(response: IncomingMessage): void {
    const status = response.statusCode ?? 0;
    if (status !== 200 || !response.headers['content-type']?.startsWith(this.#options.accept) || response.headers['content-encoding']) {
      this.#refused = { status, headers: response.headers, chunks: [] };
      this.#rule('linger', this.#clock.monotonic() + LINGER_MS);
    }
    response.on('data', (chunk: Buffer) => this.#take(chunk));
    response.on('end', () => this.#end(this.#gist(), true));
    response.on('error', this.#lost);
  }

  #take(chunk: Buffer): void {
    if (this.over) return;
    this.#bytes += chunk.length;
    if (this.#refused) {
      this.#refused.chunks.push(chunk);
      if (this.#bytes > ERROR_BODY_BYTES_MAX) this.#end(this.#gist());
      return;
    }
    const reading = this.#read(chunk);
    // The reader may have been cancelled from inside its own callback.
    if (this.over) return;
    if (reading === 'stop') this.#end({ kind: 'read' });
    else if (this.#bytes > (this.#options.responseBytesMax ?? RESPONSE_BYTES_MAX)) this.fail('response_too_large');
    else if (reading === 'done') this.#rule('linger', this.#clock.monotonic() + LINGER_MS);
    else if (reading === 'progress') this.#rule('idle_timeout', this.#clock.monotonic() + this.#limits.idleMs);
  }

  /** The reply as far as it came: complete, or a refusal with the body read so far. */
  #gist(): StreamEnd {
    if (!this.#refused) return { kind: 'read' };
    const { status, headers, chunks } = this.#refused;
    return { kind: 'refused', status, headers, body: Buffer.concat(chunks).subarray(0, ERROR_BODY_BYTES_MAX).toString('utf8') };
  }

  readonly #abort = (): void => this.fail('cancelled');

  readonly #lost = (): void => {
    if (this.#due === 'linger') this.#end(this.#gist());
    else this.fail('reset');
  };

  #rule(due: HttpFault | 'linger', at: number): void {
    this.#due = due;
    this.#dueAt = at;
    const next = Math.min(at, this.#limits.deadlineAt);
    if (next >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#arm(next);
  }

  #arm(at: number): void {
    this.#timerAt = at;
    this.#timer = this.#clock.after(at - this.#clock.monotonic(), this.#strike);
  }

  readonly #strike = (): void => {
    const now = this.#clock.monotonic();
    // Looked up only here: most calls are over, on a kept socket, long before.
    if (this.#due === 'connect_timeout' && isConnected(this.#request?.socket)) {
      this.#due = 'first_byte_timeout';
      this.#dueAt = this.#firstByteAt;
    }
    // A timer may fire a fraction of a millisecond early.
    if (now + 1 >= this.#dueAt) {
      if (this.#due === 'linger') this.#end(this.#gist());
      else this.fail(this.#due);
    } else if (now + 1 >= this.#limits.deadlineAt) this.fail('deadline');
    else this.#arm(Math.min(this.#dueAt, this.#limits.deadlineAt));
  };

  #end(end: StreamEnd, clean = false): void {
    if (this.over) return;
    this.over = true;
    this.#timer?.cancel();
    this.#limits.signal.removeEventListener('abort', this.#abort);
    // A socket whose reply was not read to its end must not serve another call.
    if (!clean) this.#request?.destroy();
    this.#resolve(end);
  }
}

/** For TLS the handshake is part of connecting; Node tells of it only in an undocumented field, which a test watches. */
function isConnected(socket: (Socket & { secureConnecting?: boolean }) | null | undefined): boolean {
  return !!socket && !socket.connecting && socket.secureConnecting !== true;
}

function faultOf(error: NodeJS.ErrnoException): HttpFault {
  const code = error.code ?? '';
  if (code === 'ECONNREFUSED' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === 'EADDRNOTAVAIL') return 'connect_refused';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'dns_failed';
  if (code === 'ETIMEDOUT') return 'connect_timeout';
  if (code.startsWith('HPE_')) return 'not_http';
  if (
    code.startsWith('ERR_TLS') ||
    code.startsWith('ERR_SSL') ||
    code.includes('CERT') ||
    code.startsWith('UNABLE_TO') ||
    code === 'EPROTO'
  )
    return 'tls_failed';
  return 'reset';
}
