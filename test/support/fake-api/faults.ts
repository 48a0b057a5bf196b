// One way to fail each. A fault owns the response until it ends or the socket is gone.
import type { ServerResponse } from 'node:http';
import { API_CANARY, type ApiFault, type Behaviour, type Dialect, type Refusal } from './dialect.ts';

const HUGE_BYTES = 400 * 1024 * 1024;
const HEADERS = { 'content-type': 'text/event-stream' };
const TYPES: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

interface Context<Body> {
  response: ServerResponse;
  dialect: Dialect<Body>;
  behaviour: Behaviour;
  serial: number;
  later(ms: number, run: () => void): void;
}

export function playApiFault<Body>(fault: ApiFault, context: Context<Body>): void {
  const { response } = context;
  if (/^\d+$/.test(fault)) {
    const status = Number(fault);
    refuse(context, { status, type: TYPES[status] ?? 'api_error', message: `${API_CANARY}: no` });
    return;
  }
  const stream = STREAMS[fault]?.(context as Context<unknown>);
  if (stream) return void response.writeHead(200, HEADERS).end(stream.join(''));
  PLAYS[fault]?.(context as Context<unknown>);
}

function refuse<Body>({ response, dialect, behaviour }: Context<Body>, refusal: Refusal): void {
  const retry = behaviour.retryAfter === undefined ? {} : { 'retry-after': behaviour.retryAfter };
  response.writeHead(refusal.status, { 'content-type': 'application/json', ...retry }).end(JSON.stringify(dialect.error(refusal)));
}

const half = ({ dialect, serial }: Context<unknown>) => dialect.piece('half an answer ', serial);
const overloaded: Refusal = { status: 503, type: 'overloaded_error', code: 'server_error', message: API_CANARY };

/** Answers that end by themselves. */
const STREAMS: Partial<Record<ApiFault, (context: Context<unknown>) => string[]>> = {
  truncated: (c) => [half(c)],
  'bad-json': () => [`data: {"choices": [${API_CANARY}\n\n`],
  empty: (c) => c.dialect.events({ finish: 'stop' }, c.serial),
  filtered: (c) => c.dialect.events({ finish: 'filter' }, c.serial),
  'filtered-mid': (c) => c.dialect.events({ text: 'half an answer ', finish: 'filter' }, c.serial),
  length: (c) => c.dialect.events({ text: 'an answer that stops at the', finish: 'length' }, c.serial),
  'length-empty': (c) => c.dialect.events({ finish: 'length' }, c.serial),
  'error-event': (c) => [c.dialect.errorEvent(overloaded)],
  'error-event-mid': (c) => [half(c), c.dialect.errorEvent(overloaded)],
  'call-malformed': (c) => c.dialect.events({ calls: [{ name: 'current_time', args: {} }], rawArguments: '{"zone": ' }, c.serial),
  'call-many': (c) => c.dialect.events({ calls: Array.from({ length: 100 }, () => ({ name: 'current_time', args: {} })) }, c.serial),
};

function begin({ response }: Context<unknown>, text: string, next: () => void): void {
  response.writeHead(200, HEADERS);
  response.flushHeaders();
  if (text) response.write(text, () => setImmediate(next));
  else setImmediate(next);
}

const stay = (): void => undefined;

const PLAYS: Partial<Record<ApiFault, (context: Context<unknown>) => void>> = {
  'context-too-long': (c) => refuse(c, c.dialect.refusals.contextTooLong),
  'no-credit': (c) => refuse(c, c.dialect.refusals.noCredit),
  blocked: (c) => refuse(c, c.dialect.refusals.blocked),
  silent: stay,
  'silent-headers': (c) => begin(c, '', stay),
  'silent-mid': (c) => begin(c, half(c), stay),
  pings: (c) => {
    const ping = () => {
      c.response.write(`: keep\n\n${c.dialect.ping}`);
      c.later(40, ping);
    };
    begin(c, '', ping);
  },
  reset: (c) => c.response.socket?.resetAndDestroy(),
  // The pause lets the piece be read: an RST throws away what the other side has not read yet.
  'reset-mid': (c) => begin(c, half(c), () => c.later(40, () => c.response.socket?.resetAndDestroy())),
  'cut-mid': (c) => begin(c, half(c), () => c.response.socket?.destroySoon()),
  'not-http': (c) => c.response.socket?.end(`${API_CANARY}\r\nthis is no HTTP\r\n\r\n`),
  redirect: (c) => c.response.writeHead(307, { location: 'http://127.0.0.1:1/elsewhere' }).end(API_CANARY),
  html: (c) => c.response.writeHead(200, { 'content-type': 'text/html' }).end(`<title>${API_CANARY}</title>`),
  gzip: (c) => c.response.writeHead(200, { ...HEADERS, 'content-encoding': 'gzip' }).end(Buffer.from('1f8b0800000000000003', 'hex')),
  'bad-utf8': (c) => {
    const bytes = Buffer.from(c.dialect.events({ text: 'half an answer' }, c.serial).join(''));
    bytes[bytes.indexOf('half')] = 0xff;
    c.response.writeHead(200, HEADERS).end(bytes);
  },
  drip: (c) => {
    const bytes = Buffer.from(c.dialect.events({ text: 'slowly' }, c.serial).join(''));
    const drop = (at: number): void => {
      if (at >= bytes.length) return void c.response.end();
      c.response.write(bytes.subarray(at, at + 1));
      c.later(c.behaviour.chunkMs ?? 50, () => drop(at + 1));
    };
    begin(c, '', () => drop(0));
  },
  linger: (c) => begin(c, c.dialect.events({ text: 'fine' }, c.serial).join(''), stay),
  huge: (c) => begin(c, '', () => flood(c.response, Buffer.from(c.dialect.piece('x'.repeat(60_000), c.serial)))),
  'huge-line': (c) => begin(c, 'data: {"', () => flood(c.response, Buffer.alloc(64 * 1024, 'x'))),
  'huge-error': (c) => {
    c.response.writeHead(503, { 'content-type': 'text/plain' });
    flood(c.response, Buffer.alloc(64 * 1024, API_CANARY));
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
