// The `fetch` that AI SDK providers get: our own pool, limits and bounds, to one address only. Redirects are not followed, nothing is retried.
import type { Clock } from '../base/clock.ts';
import type { WireNote } from './ai-sdk.ts';
import { classifyApiRefusal } from './ai-sdk-fault.ts';
import { createHttpStream, type Reading, type StreamEnd } from './http-stream.ts';
import type { CallLimits, ModelFailure } from './provider.ts';
import { createSseParser, type SseFault } from './sse.ts';
import { FAULT_KINDS, failure } from './wire-failure.ts';

const LINE_BYTES_MAX = 1024 * 1024;
/** Made anew for every request, or telling more than a provider needs. */
const DROPPED = new Set(['host', 'content-length', 'user-agent', 'accept', 'connection']);

export type Fetch = typeof globalThis.fetch;

export interface ProviderFetch {
  /** A `fetch` for one call; what became of the request is written into `note`. */
  forCall(limits: CallLimits, note: WireNote): Fetch;
  close(): void;
}

export interface ProviderFetchOptions {
  baseUrl: string;
  clock: Clock;
  socketsMax: number;
  /** True for the data of the event after which nothing follows. */
  isLast(data: string): boolean;
}

export function createProviderFetch(options: ProviderFetchOptions): ProviderFetch {
  const { origin } = new URL(options.baseUrl);
  const http = createHttpStream({ ...options, baseUrl: origin, accept: 'text/event-stream' });

  function forCall(limits: CallLimits, note: WireNote): Fetch {
    return (input, init) =>
      new Promise((resolve, reject) => {
        const url = new URL(String(input));
        if (url.origin !== origin || init?.method !== 'POST' || typeof init.body !== 'string')
          return reject(new Error('not a request to this provider'));
        const body = createBody((response) => resolve(response));
        let sseFault: SseFault | undefined;
        let reading: Reading = 'more';
        const sse = createSseParser(LINE_BYTES_MAX, (data) => {
          reading = options.isLast(data) ? 'done' : 'progress';
          return reading !== 'done';
        });
        const post = { path: url.pathname + url.search, headers: headersOf(init.headers), body: init.body, limits };
        void http
          .post(post, (chunk) => {
            if (reading === 'progress') reading = 'more';
            sseFault = sse.push(chunk);
            if (sseFault || !body.push(chunk)) return 'stop';
            // The reader need not wait for the connection to end.
            if (reading === 'done') body.close();
            return reading;
          })
          .then((end) => {
            const fault = sseFault ? failure('cut', sseFault) : failureOf(end, options.clock);
            if (!fault) return body.close();
            if (reading === 'done') return;
            note.failure = fault;
            const error = new Error(fault.code);
            reject(error);
            body.fail(error);
          });
      });
  }

  return { forCall, close: () => http.close() };
}

function failureOf(end: StreamEnd, clock: Clock): ModelFailure | undefined {
  if (end.kind === 'read') return undefined;
  if (end.kind === 'failed') return failure(FAULT_KINDS[end.fault], end.fault);
  return classifyApiRefusal(end.status, end.body, end.headers, clock.now());
}

/** A response whose body is pushed; it is handed out with the first chunk, or empty. */
function createBody(ready: (response: Response) => void) {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let over = false;
  function open(): ReadableStreamDefaultController<Uint8Array> | undefined {
    if (controller) return controller;
    const stream = new ReadableStream<Uint8Array>({
      start(given) {
        controller = given;
      },
      cancel() {
        over = true;
      },
    });
    ready(new Response(stream, { status: 200, headers: { 'content-type': 'text/event-stream' } }));
    return controller;
  }
  return {
    /** False when nobody reads any more. */
    push(chunk: Buffer): boolean {
      const to = open();
      if (!over) to?.enqueue(chunk);
      return !over;
    },
    close(): void {
      const to = open();
      if (!over) to?.close();
      over = true;
    },
    fail(error: Error): void {
      if (!over) controller?.error(error);
      over = true;
    },
  };
}

function headersOf(given: RequestInit['headers']): string[] {
  const headers = ['accept', 'text/event-stream', 'user-agent', 'holdfast'];
  new Headers(given).forEach((value, name) => {
    if (!DROPPED.has(name)) headers.push(name, value);
  });
  return headers;
}
