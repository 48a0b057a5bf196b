// The one way a request takes: identify it, let it in, parse it, hand it to its handler, render what comes back.
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { Clock } from '../base/clock.ts';
import type { Config } from '../base/config.ts';
import { AppError, type ErrorCode } from '../base/errors.ts';
import type { Ids } from '../base/ids.ts';
import type { LifecycleState } from '../base/lifecycle.ts';
import type { Logger } from '../base/log.ts';
import type { Route } from '../contract/routes.ts';
import { type Auth, type Caller, unauthenticated } from './auth.ts';
import type { AuthFailures } from './auth-failures.ts';
import { readJsonBody } from './body.ts';
import type { Call, Reply } from './call.ts';
import { API_HEADERS, PAGE_HEADERS } from './headers.ts';
import type { HostCheck } from './host-check.ts';
import type { HttpLimits } from './limits.ts';
import type { Pressure } from './pressure.ts';
import { asAppError, problemReply } from './problem.ts';
import { header, isLocalPeer, type ListenerName, type RequestView, sourceOf, viewOfFetch, viewOfNode } from './request-view.ts';
import { parseWith } from './validate.ts';

export interface Bindings extends Partial<HttpBindings> {
  listener?: ListenerName;
  /** Stands in for the socket's peer when there is none. */
  peer?: string;
}
export type HttpContext = Context<{ Bindings: Bindings }>;

/** A handler as the pipeline runs it: `Handlers` holds the types, one per route. */
export type AnyHandler = (call: never) => Reply | Promise<Reply>;

export interface PipelineParts {
  clock: Clock;
  ids: Ids;
  log: Logger;
  limits: HttpLimits;
  trustProxy: boolean;
  env: Config['env'];
  auth: Auth;
  authFailures: AuthFailures;
  hostCheck: HostCheck;
  pressure: Pressure;
  /** The server itself is bound to loopback: nobody else can connect. */
  boundLocally: boolean;
  state(): LifecycleState;
  /** Told the code of every problem that is answered. Must not throw. */
  onProblem(code: ErrorCode): void;
}

export interface Pipeline {
  serve(route: Route, handler: AnyHandler): (c: HttpContext) => Promise<Response>;
  /** For what no route takes. */
  refuse(c: HttpContext, error: AppError, headers?: Record<string, string>): Response;
  /** Rendering for a failure outside of any route; must not throw. */
  crash(error: unknown): Response;
}

/**
 * Request ids: a caller's X-Request-Id is taken over, in answer, log and audit, when it is 16 to 64 letters, digits, `-` or `_` (a UUID, a trace id,
 * one of ours); anything else is replaced by a fresh one.
 */
const REQUEST_ID = /^[A-Za-z0-9_-]{16,64}$/;

export function createPipeline(parts: PipelineParts): Pipeline {
  const { ids, log } = parts;

  function requestIdOf(view: RequestView): string {
    const theirs = header(view, 'x-request-id');
    return theirs !== undefined && REQUEST_ID.test(theirs) ? theirs : ids.make('req');
  }

  function failed(thrown: unknown, requestId: string, route: Route): Reply {
    const error = asAppError(thrown);
    parts.onProblem(error.code);
    const fields = { requestId, route: route.path, method: route.method, status: error.status, code: error.code };
    if (error.code === 'internal') log.error('request.failed', { ...fields, error: error.cause ?? error });
    else if (error.status >= 500) log.warn('request.refused', fields);
    else log.debug('request.refused', fields);
    return problemReply(error, requestId);
  }

  function render(reply: Reply, requestId: string, route?: Route): Response {
    const base = route?.page && reply.status < 400 ? PAGE_HEADERS : API_HEADERS;
    const headers: Record<string, string> = { ...base, ...reply.headers, 'x-request-id': requestId };
    // Kept-alive connections would otherwise hold a stop up.
    if (parts.state() === 'draining') headers.connection = 'close';
    return new Response(reply.body, { status: reply.status, headers });
  }

  return {
    serve: (route, handler) => {
      const gate = createGate(route, parts);
      return async (c) => {
        const view = viewOf(c);
        const requestId = requestIdOf(view);
        try {
          const reply = await handler((await gate(view, requestId, c)) as never);
          return render(view.method === 'HEAD' ? await withoutBody(reply) : reply, requestId, route);
        } catch (thrown) {
          return render(failed(thrown, requestId, route), requestId, route);
        }
      };
    },
    refuse(c, error, headers) {
      const requestId = requestIdOf(viewOf(c));
      parts.onProblem(error.code);
      const reply = problemReply(error, requestId);
      return render({ ...reply, headers: { ...reply.headers, ...headers } }, requestId);
    },
    crash(thrown) {
      const requestId = ids.make('req');
      const error = asAppError(thrown);
      parts.onProblem(error.code);
      if (error.code === 'internal') log.error('request.failed', { requestId, error: thrown });
      return render(problemReply(error, requestId), requestId);
    },
  };
}

/** Hono answers HEAD by the GET handler and drops the body; a stream has to be told. */
async function withoutBody(reply: Reply): Promise<Reply> {
  if (reply.body instanceof ReadableStream) await reply.body.cancel();
  return { ...reply, body: null };
}

const viewOf = (c: HttpContext): RequestView => {
  // `app.fetch(request)` without bindings leaves `env` empty.
  const { incoming, listener = 'api', peer } = (c.env ?? {}) as Bindings;
  return incoming ? viewOfNode(incoming, listener) : viewOfFetch(c.req.raw, peer, listener);
};

/** Everything that must hold before a handler runs. The body is read last, for those who may send one. */
function createGate(route: Route, parts: PipelineParts): (view: RequestView, requestId: string, c: HttpContext) => Promise<Call> {
  const { clock, limits, auth, authFailures, hostCheck, pressure } = parts;
  const unsafe = route.method !== 'GET';
  const hasId = route.path.includes('{id}');
  const open = route.auth === 'public' || (route.openInDevelopment === true && parts.env === 'development');
  const openLocally = route.openLocally === true && parts.env === 'development' && parts.boundLocally;

  function letIn(view: RequestView, requestId: string): Caller | undefined {
    if (view.rawHeaders.length > 2 * limits.headersMax) throw new AppError('headers_too_large');
    hostCheck.host(view, route.probe === true);
    if (route.page === 'dashboard' && view.listener !== 'dashboard') throw new AppError('not_found');
    if (unsafe) hostCheck.origin(view);
    if (open || (openLocally && isLocalPeer(view))) return undefined;
    const caller = auth.identify(view);
    if (!caller) {
      authFailures.note(sourceOf(view, parts.trustProxy), requestId);
      throw unauthenticated;
    }
    if (caller.carrier === 'cookie') hostCheck.ambient(view, { unsafe, page: route.page !== undefined });
    if (route.auth === 'admin' && caller.principal.role !== 'admin') throw new AppError('forbidden');
    if (route.startsWork && pressure.strain()) throw new AppError('overloaded');
    return caller;
  }

  return async (view, requestId, c) => {
    const arrivedAt = clock.monotonic();
    const caller = letIn(view, requestId);
    const query = route.query && parseWith(route.query, queryOf(view.url), 400);
    const sent = route.body && (await readJsonBody(view, limits, route.bodyOptional === true));
    // A body may take its time, and whoever called may not be allowed any more when it is there.
    if (caller && route.body && auth.identify(view)?.credential !== caller.credential) {
      authFailures.note(sourceOf(view, parts.trustProxy), requestId);
      throw unauthenticated;
    }
    const body = route.body && parseWith(route.body, sent ?? {}, 422);
    const call = {
      requestId,
      arrivedAt,
      view,
      id: hasId ? (c.req.param('id') ?? '') : '',
      query,
      body,
      caller,
      principal: caller?.principal,
    };
    // Public handlers are typed without a caller, all others have passed the check above.
    return call as Call;
  };
}

const repeated = new AppError('invalid_request', { sentence: 'A query parameter is repeated.' });

function queryOf(url: string): Record<string, string> {
  const start = url.indexOf('?');
  if (start < 0) return {};
  const pairs = [...new URLSearchParams(url.slice(start + 1))];
  if (new Set(pairs.map(([name]) => name)).size < pairs.length) throw repeated;
  return Object.fromEntries(pairs);
}
