// The API for programs in TypeScript and JavaScript: in Node 20 and newer, and in browsers. No dependencies.
import type { TurnEvent } from '../contract/events.ts';
import { failureOf, HoldfastError, networkError } from './failure.ts';
import { type OperationInput, type OperationName, type OperationOutput, operations } from './operations.ts';
import { readServerEvents, type ServerEvent } from './server-events.ts';

export interface ClientOptions {
  /** Where the API is, such as `https://agent.example.org` or one with a path prefix. In a browser '' is the page's own origin. */
  url: string;
  /** `hf_…`; without one a browser's cookie is sent to the page's own origin. */
  apiKey?: string;
  /** In place of the built-in one. */
  fetch?: typeof fetch;
}

export interface RequestOptions {
  signal?: AbortSignal;
  /** For what starts a turn; a fresh one when absent, so that sending again after a broken connection is always safe. */
  idempotencyKey?: string;
  /** For what starts a turn: answer as soon as the message is stored, with the open turn; `getTurn` and `follow` find its end. */
  respondAsync?: boolean;
  /** How often a request that may be sent again is sent again, 4 when absent. */
  retries?: number;
}

/** One method for each operation, by its `operationId`. Rejects with HoldfastError, or with the signal's reason. */
export type Operations = {
  [K in OperationName]: (
    ...args: Record<never, never> extends OperationInput<K>
      ? [input?: OperationInput<K>, options?: RequestOptions]
      : [input: OperationInput<K>, options?: RequestOptions]
  ) => Promise<OperationOutput<K>>;
};

export interface Client extends Operations {
  /**
   * Sends a message and yields the turn's events, `turn.end` last. Over broken connections and restarts of the server it goes on where it was, without gap
   * or repetition; after `turn.restart` drop the text so far. Leaving the loop does not cancel the turn.
   */
  stream(body: OperationInput<'chat'>['body'], options?: RequestOptions): AsyncGenerator<TurnEvent>;
  /** The events of a turn that is under way or over, the same way. */
  follow(turnId: string, options?: RequestOptions): AsyncGenerator<TurnEvent>;
  /** Server-sent events of any operation that has them, as they come; ends or rejects when the connection does. */
  events(name: OperationName, input?: Input, options?: RequestOptions & { lastEventId?: string }): AsyncGenerator<ServerEvent>;
}

interface Input {
  id?: string;
  query?: object;
  body?: unknown;
}

interface Parts {
  base: string;
  headers: Record<string, string>;
  fetch: typeof fetch;
}

const RETRIES = 4;
const AGAIN_MS = 250;
const AGAIN_CAP_MS = 4_000;

export function createClient(options: ClientOptions): Client {
  const parts: Parts = {
    base: options.url.replace(/\/+$/, ''),
    headers: options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` },
    fetch: options.fetch ?? ((...args) => fetch(...args)),
  };
  const calls = Object.keys(operations).map((name) => [
    name,
    (input: Input = {}, given: RequestOptions = {}) => ask(parts, name as OperationName, input, given),
  ]);
  return {
    ...(Object.fromEntries(calls) as Operations),
    stream: (body, given = {}) => streamTurn(parts, { body }, given),
    follow: (turnId, given = {}) => streamTurn(parts, { turnId }, given),
    async *events(name, input = {}, given = {}) {
      yield* readEvents(await send(parts, name, input, { ...given, headers: streamHeaders(given.lastEventId) }));
    },
  };
}

const streamHeaders = (lastEventId: string | undefined): Record<string, string> => ({
  accept: 'text/event-stream',
  ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
});

async function ask(parts: Parts, name: OperationName, input: Input, options: RequestOptions): Promise<never> {
  const headers = keyHeaders(name, options);
  const isSafe = operations[name][0] === 'GET' || 'idempotency-key' in headers;
  return again(options, isSafe, async () => {
    const response = await send(parts, name, input, { ...options, headers });
    try {
      return (await response.json()) as never;
    } catch (error) {
      throw failedOnTheWay(error, options.signal);
    }
  });
}

const startsWork = (name: OperationName): boolean => name === 'chat' || name === 'retryTurn';

function keyHeaders(name: OperationName, { idempotencyKey, respondAsync }: RequestOptions): Record<string, string> {
  if (!startsWork(name)) return {};
  const key = { 'idempotency-key': idempotencyKey ?? crypto.randomUUID() };
  return respondAsync ? { ...key, prefer: 'respond-async' } : key;
}

/** Resolves with a success, or with a body that answers a health question. */
async function send(
  parts: Parts,
  name: OperationName,
  input: Input,
  options: RequestOptions & { headers: Record<string, string> },
): Promise<Response> {
  const [method, path] = operations[name];
  const given = Object.entries(input.query ?? {}).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(given.map(([key, value]): [string, string] => [key, String(value)])).toString();
  const url = `${parts.base}${path.replace('{id}', encodeURIComponent(input.id ?? ''))}${query && `?${query}`}`;
  const hasBody = method === 'POST' || method === 'PATCH';
  let response: Response;
  try {
    response = await parts.fetch(url, {
      method,
      // Without a body too: in a browser a sign-in counts for changes only with this type.
      headers: { ...parts.headers, ...options.headers, ...(method === 'GET' ? {} : { 'content-type': 'application/json' }) },
      ...(hasBody ? { body: JSON.stringify(input.body ?? {}) } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
      redirect: 'error',
    });
  } catch (error) {
    throw failedOnTheWay(error, options.signal);
  }
  const isOwn = response.headers.get('content-type')?.startsWith('application/json') === true;
  if (response.ok || (response.status === 503 && isOwn)) return response;
  throw await failureOf(response);
}

const failedOnTheWay = (error: unknown, signal: AbortSignal | undefined): unknown =>
  signal?.aborted ? signal.reason : networkError(error);

/** Another attempt after a broken connection or an answer that asks for one; never for what could be done twice. */
async function again<T>({ retries = RETRIES, signal }: RequestOptions, isSafe: boolean, work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isSafe || tries >= retries || !isWorthAnother(error)) throw error;
      await pause(pauseMs(error, tries), signal);
    }
  }
}

const isWorthAnother = (error: unknown): error is HoldfastError =>
  error instanceof HoldfastError && (error.code === 'network' || error.retryAfterS !== undefined);

const pauseMs = ({ retryAfterS }: HoldfastError, tries: number): number =>
  Math.max((retryAfterS ?? 0) * 1_000, Math.random() * Math.min(AGAIN_CAP_MS, AGAIN_MS * 2 ** tries));

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}

/** `retries` counts attempts that brought nothing: a stream that makes progress may break as often as it likes. */
async function* streamTurn(
  parts: Parts,
  { turnId, body }: { turnId?: string; body?: unknown },
  options: RequestOptions,
): AsyncGenerator<TurnEvent> {
  const key = keyHeaders('chat', { ...options, respondAsync: false });
  const { retries = RETRIES, signal } = options;
  let known = turnId;
  let last: string | undefined;
  for (let tries = 0; ; tries += 1) {
    try {
      const headers = streamHeaders(last);
      const response =
        known === undefined
          ? await send(parts, 'chat', { body }, { ...options, headers: { ...headers, ...key } })
          : await send(parts, 'turnEvents', { id: known }, { ...options, headers });
      for await (const { event, id, data } of readEvents(response)) {
        const said = turnEvent(event, JSON.parse(data) as Record<string, unknown>);
        if (said.type === 'turn.start') known = said.turnId;
        last = id ?? last;
        if (said.type !== 'error') tries = 0;
        yield said;
        if (said.type === 'turn.end') return;
        // Its outcome could not be stored yet: the turn is open, and its end is worth waiting for.
        if (said.type === 'error') break;
      }
      throw networkError(new Error('the stream ended before the turn did'));
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (tries >= retries || !isWorthAnother(error)) throw error;
      await pause(pauseMs(error, tries), signal);
    }
  }
}

/** The contract's event of what a stream carries: the inverse of how it is written. */
function turnEvent(type: string, data: Record<string, unknown>): TurnEvent {
  if (type === 'turn.end') return { type, turn: data } as unknown as TurnEvent;
  if (type === 'error') return { type, problem: data } as unknown as TurnEvent;
  return { type, ...data } as TurnEvent;
}

async function* readEvents(response: Response): AsyncGenerator<ServerEvent> {
  if (!response.body) return;
  const reader = response.body.getReader();
  try {
    yield* readServerEvents(pieces(reader));
  } catch (error) {
    throw error instanceof HoldfastError ? error : networkError(error);
  } finally {
    await reader.cancel().catch(() => undefined); // it may have broken already
  }
}

/** By hand: not every browser can iterate a stream. */
async function* pieces(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
