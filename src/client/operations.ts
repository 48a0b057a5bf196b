// The operations of the API by name. Types come from the contract's table of routes, and nothing of it is there at run time.
import type { z } from 'zod';
import type { Routes } from '../contract/routes.ts';

/** Pages for people and the text for Prometheus are no operations. */
export type OperationName = {
  [K in keyof Routes]: Routes[K] extends { page: string } | { openLocally: true } ? never : K;
}[keyof Routes];

/** A route that is added, moved or dropped does not compile before it is so here too. */
export const operations = {
  health: ['GET', '/health'],
  livez: ['GET', '/livez'],
  readyz: ['GET', '/readyz'],
  startupz: ['GET', '/startupz'],
  chat: ['POST', '/v1/chat'],
  listTurns: ['GET', '/v1/turns'],
  getTurn: ['GET', '/v1/turns/{id}'],
  traceTurn: ['GET', '/v1/turns/{id}/trace'],
  turnEvents: ['GET', '/v1/turns/{id}/events'],
  cancelTurn: ['POST', '/v1/turns/{id}/cancel'],
  retryTurn: ['POST', '/v1/turns/{id}/retry'],
  createSession: ['POST', '/v1/sessions'],
  listSessions: ['GET', '/v1/sessions'],
  getSession: ['GET', '/v1/sessions/{id}'],
  patchSession: ['PATCH', '/v1/sessions/{id}'],
  deleteSession: ['DELETE', '/v1/sessions/{id}'],
  listMessages: ['GET', '/v1/sessions/{id}/messages'],
  status: ['GET', '/v1/status'],
  listLogs: ['GET', '/v1/logs'],
  liveEvents: ['GET', '/v1/events'],
  series: ['GET', '/v1/metrics'],
  openapi: ['GET', '/openapi.json'],
  listAudit: ['GET', '/v1/audit'],
  verifyAudit: ['POST', '/v1/audit/verify'],
  createKey: ['POST', '/v1/keys'],
  listKeys: ['GET', '/v1/keys'],
  revokeKey: ['DELETE', '/v1/keys/{id}'],
  me: ['GET', '/v1/me'],
  createLoginLink: ['POST', '/v1/login-links'],
  login: ['POST', '/v1/login'],
  logout: ['POST', '/v1/logout'],
  listLogins: ['GET', '/v1/logins'],
  revokeLogin: ['DELETE', '/v1/logins/{id}'],
} as const satisfies { [K in OperationName]: readonly [Routes[K]['method'], Routes[K]['path']] };

type WithId<R> = R extends { params: z.ZodType } ? { id: string } : unknown;
type WithQuery<R> = R extends { query: infer Q extends z.ZodType } ? { query?: Partial<z.output<Q>> } : unknown;
type WithBody<R> = R extends { body: infer B extends z.ZodType }
  ? R extends { bodyOptional: true }
    ? { body?: z.input<B> }
    : { body: z.input<B> }
  : unknown;

/** What an operation takes. */
export type OperationInput<K extends OperationName> = WithId<Routes[K]> & WithQuery<Routes[K]> & WithBody<Routes[K]>;

type Answers<R> = R extends { responses: infer A } ? A[keyof A] : never;

/** What it answers with. */
export type OperationOutput<K extends OperationName> =
  Answers<Routes[K]> extends infer A ? (A extends { schema: infer S extends z.ZodType } ? z.output<S> : never) : never;
