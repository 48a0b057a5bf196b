// Runs the three points of the author's middleware. Their errors never travel further than here.

import { type Clock, pause } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { modelMessagesSchema } from '../contract/message.ts';
import {
  type IncomingRequest,
  type Middleware,
  type ModelContext,
  type ReplyContext,
  RequestRejected,
  type StreamTransform,
} from './define-agent.ts';

const REQUEST_MS_MAX = 250;
const CODE_OF = {
  400: 'invalid_request',
  403: 'forbidden',
  409: 'conflict',
  413: 'payload_too_large',
  422: 'invalid_request',
  429: 'rate_limited',
} as const;

export interface Points {
  /** The message to accept. Throws AppError when a middleware refuses, breaks or takes over 250 ms. */
  onRequest(request: IncomingRequest): Promise<string>;
  /** Undefined when a middleware broke. */
  beforeModel(context: ModelContext, signal: AbortSignal): Promise<ModelContext | undefined>;
  /** The text to answer with; undefined when a middleware broke. */
  onReply(reply: ReplyContext, signal: AbortSignal): Promise<string | undefined>;
  /** False when text must be held back until `onReply` has seen all of it. */
  streams: boolean;
  hasReplyPoint: boolean;
  transformsText: boolean;
  transforms(): StreamTransform[];
  /** Where a failure of the author's code is written down. */
  onBroken(point: string, error: unknown): void;
}

export function createPoints(middleware: readonly Middleware[], parts: { clock: Clock; log: Logger }): Points {
  const { clock, log } = parts;
  const requestPoints = middleware.filter((each) => each.onRequest);
  const modelPoints = middleware.filter((each) => each.beforeModel);
  const replyPoints = middleware.filter((each) => each.onReply);
  const broke = (each: Middleware, state: string, error: unknown) => log.error('middleware.failed', { part: each.name, state, error });

  return {
    streams: replyPoints.every((each) => each.transformStream),
    hasReplyPoint: replyPoints.length > 0,
    transformsText: middleware.some((each) => each.transformStream),
    onBroken: (point, error) => log.error('middleware.failed', { state: point, error }),
    transforms: () => middleware.flatMap((each) => (each.transformStream ? [each.transformStream()] : [])),

    async onRequest(request) {
      let { message } = request;
      for (const each of requestPoints) {
        const outcome = await within(clock, REQUEST_MS_MAX, async () => each.onRequest?.({ ...request, message }));
        if (outcome.kind === 'ok') {
          message = outcome.value?.message ?? message;
          if (typeof message !== 'string' || !message.isWellFormed()) {
            throw new AppError('internal', { sentence: 'A middleware of this agent returned a message that is not text.' });
          }
          continue;
        }
        if (outcome.kind === 'threw' && isRejection(outcome.error)) {
          throw new AppError(CODE_OF[outcome.error.status as keyof typeof CODE_OF] ?? 'invalid_request', {
            sentence: outcome.error.message,
            status: outcome.error.status,
          });
        }
        broke(each, outcome.kind, outcome.kind === 'threw' ? outcome.error : undefined);
        throw new AppError('internal', { sentence: 'A middleware of this agent failed; the message was not accepted.' });
      }
      return message;
    },

    async beforeModel(context, signal) {
      let seen = context;
      for (const each of modelPoints) {
        const outcome = await untilAborted(signal, async () => each.beforeModel?.(structuredClone(seen)));
        if (outcome.kind !== 'ok') {
          broke(each, outcome.kind, outcome.kind === 'threw' ? outcome.error : undefined);
          return undefined;
        }
        const changed = { ...seen, ...outcome.value };
        if (typeof changed.instructions !== 'string' || !modelMessagesSchema.safeParse(changed.messages).success) {
          broke(each, 'not_messages', undefined);
          return undefined;
        }
        seen = changed;
      }
      return seen;
    },

    async onReply(reply, signal) {
      let { text } = reply;
      for (const each of replyPoints) {
        const outcome = await untilAborted(signal, async () => each.onReply?.({ ...reply, text }));
        const changed = outcome.kind === 'ok' ? (outcome.value?.text ?? text) : undefined;
        if (typeof changed !== 'string') {
          broke(each, outcome.kind, outcome.kind === 'threw' ? outcome.error : undefined);
          return undefined;
        }
        text = changed;
      }
      return text;
    },
  };
}

type Ran<T> = { kind: 'ok'; value: T } | { kind: 'threw'; error: unknown } | { kind: 'timeout' };

async function settle<T>(work: () => Promise<T>): Promise<Ran<T>> {
  try {
    return { kind: 'ok', value: await work() };
  } catch (error) {
    return { kind: 'threw', error };
  }
}

async function within<T>(clock: Clock, ms: number, work: () => Promise<T>): Promise<Ran<T>> {
  const done = new AbortController();
  const late = pause(clock, ms, done.signal).then((): Ran<T> => ({ kind: 'timeout' }));
  const outcome = await Promise.race([settle(work), late]);
  done.abort();
  return outcome;
}

function untilAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<Ran<T>> {
  return new Promise((resolve) => {
    const stop = () => resolve({ kind: 'timeout' });
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    void settle(work).then((outcome) => {
      signal.removeEventListener('abort', stop);
      resolve(outcome);
    });
  });
}

/** By its name too: the author's code may have got its class from another copy of this package. */
const isRejection = (error: unknown): error is RequestRejected =>
  error instanceof RequestRejected || (error instanceof Error && error.name === 'RequestRejected' && 'status' in error);
