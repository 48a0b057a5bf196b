import type { z } from 'zod';
import type { RouteName, Routes } from '../contract/routes.ts';
import type { Principal } from '../store/store.ts';
import type { Caller } from './auth.ts';
import type { RequestView } from './request-view.ts';

/** What a handler gets: everything is parsed, and who calls is known. */
export interface PublicCall<B = unknown, Q = unknown> {
  requestId: string;
  /** Monotonic time at which the request's headers were there. */
  arrivedAt: number;
  view: RequestView;
  /** The `{id}` of the path, not yet checked; '' where the path has none. */
  id: string;
  query: Q;
  body: B;
}

export interface Call<B = unknown, Q = unknown> extends PublicCall<B, Q> {
  principal: Principal;
  caller: Caller;
}

/** What a handler gives back. The pipeline adds the request id and the standing headers. */
export interface Reply {
  status: number;
  /** Names in lower case. `content-type` is JSON unless given. */
  headers?: Readonly<Record<string, string>>;
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
}

type BodyOf<R> = R extends { body: infer S extends z.ZodType } ? z.output<S> : undefined;
type QueryOf<R> = R extends { query: infer S extends z.ZodType } ? z.output<S> : undefined;
type CallOf<R> = R extends { auth: 'public' } | { openInDevelopment: true } | { openLocally: true }
  ? PublicCall<BodyOf<R>, QueryOf<R>>
  : Call<BodyOf<R>, QueryOf<R>>;

/** One handler for each route of the table: a missing or surplus one does not compile. */
export type Handlers = { [K in RouteName]: (call: CallOf<Routes[K]>) => Reply | Promise<Reply> };
export type HandlersOf<K extends RouteName> = Pick<Handlers, K>;

export function json(status: number, value: unknown, headers?: Record<string, string>): Reply {
  return headers ? { status, headers, body: JSON.stringify(value) } : { status, body: JSON.stringify(value) };
}
