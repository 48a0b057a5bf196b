import { z } from 'zod';
import { accessRoutes } from './access-routes.ts';
import { auditPageSchema, auditQuerySchema, auditVerificationSchema, auditVerifyRequestSchema } from './audit.ts';
import { chatRequestSchema, retryRequestSchema } from './chat.ts';
import { type EventStream, turnStream } from './events.ts';
import { liveStream } from './live.ts';
import { logPageSchema, logQuerySchema, logStream } from './logs.ts';
import { messageSchema } from './message.ts';
import { seriesQuerySchema, seriesSchema } from './series.ts';
import {
  erasureSchema,
  isoTimeSchema,
  pageOf,
  pageQuerySchema,
  sessionCreateSchema,
  sessionPatchSchema,
  sessionSchema,
} from './session.ts';
import { healthSchema, statusQuerySchema, statusSchema } from './status.ts';
import { turnAnswerSchema, turnReasonSchema, turnStatusSchema } from './turn.ts';
import { turnTraceSchema } from './turn-trace.ts';

export interface RouteResponse {
  description: string;
  /** Absent: the body is empty or not JSON. */
  schema?: z.ZodType;
  /** `application/json` when absent. */
  mediaType?: string;
  /** The answer when server-sent events are asked for, or the only one. */
  stream?: EventStream;
}

/** One operation. The HTTP server registers exactly these, and the OpenAPI document is made of them. */
export interface Route {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** OpenAPI template; the only parameter names are those of `params`. */
  path: string;
  summary: string;
  /** `client`: any principal. `admin`: operators only. */
  auth: 'public' | 'client' | 'admin';
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** An empty body is read as `{}`. */
  bodyOptional?: true;
  /** Starts a turn: takes an Idempotency-Key, may be refused by overload shedding, answers as server-sent events when asked. */
  startsWork?: true;
  /** Answered whatever the Host header says, for orchestrators that probe by address. */
  probe?: true;
  /** Proves who somebody is: refuses bad proof, and too much of it. */
  signsIn?: true;
  /** Sets or clears the cookie of a sign-in. */
  setsCookie?: true;
  /** In development the route is open without a key; the handler then has no principal. */
  openInDevelopment?: true;
  /** In development, on a server bound to loopback, open to callers on this machine that come by no proxy. */
  openLocally?: true;
  /** A page for people: not part of the API document. `dashboard` pages exist on the dashboard's own port only. */
  page?: 'both' | 'dashboard';
  /** Successes only; every operation can also answer with a problem. */
  responses: Record<number, RouteResponse>;
}

const byId = z.object({ id: z.string().meta({ description: 'The id, as an earlier answer gave it.' }) });
const health = { description: 'How the agent is.', schema: healthSchema };
const turn = { description: 'The turn.', schema: turnAnswerSchema };
const openTurn = { description: 'The turn is still open; `Location` says where to ask again.', schema: turnAnswerSchema };
const session = { description: 'The session.', schema: sessionSchema };
const script = { description: 'A static file.', mediaType: 'text/javascript' };
const page = { description: 'The page.', mediaType: 'text/html' };
const asset = { description: 'A static file.', mediaType: '*/*' };

export const turnListQuerySchema = pageQuerySchema.extend({
  sessionId: z
    .string()
    .regex(/^ses_[0-9a-z]{26}$/, { error: 'must be a session id (ses_…)' })
    .optional(),
  status: turnStatusSchema.optional(),
  reason: turnReasonSchema.optional().meta({ description: 'With this or `model` a page may be short, or empty, and still have more.' }),
  model: z.string().min(1).max(200).optional().meta({ description: 'The `provider/model` that gave the reply.' }),
  since: isoTimeSchema.optional().meta({ description: 'Accepted at or after this time.' }),
  until: isoTimeSchema.optional().meta({ description: 'Accepted before this time.' }),
});

export const routes = {
  health: { method: 'GET', path: '/health', summary: 'Health word', auth: 'public', responses: { 200: health, 503: health } },
  livez: {
    method: 'GET',
    path: '/livez',
    summary: 'The process answers, whatever store and models do',
    auth: 'public',
    probe: true,
    responses: { 200: { description: 'Alive.', schema: healthSchema } },
  },
  readyz: {
    method: 'GET',
    path: '/readyz',
    summary: 'Ready for traffic',
    auth: 'public',
    probe: true,
    responses: { 200: health, 503: health },
  },
  startupz: {
    method: 'GET',
    path: '/startupz',
    summary: 'Start-up is over',
    auth: 'public',
    probe: true,
    responses: { 200: health, 503: health },
  },
  chat: {
    method: 'POST',
    path: '/v1/chat',
    summary: 'Send a message, get the turn’s answer',
    auth: 'client',
    body: chatRequestSchema,
    startsWork: true,
    responses: { 200: turn, 202: openTurn },
  },
  listTurns: {
    method: 'GET',
    path: '/v1/turns',
    summary: 'Turns, newest first',
    auth: 'client',
    query: turnListQuerySchema,
    responses: { 200: { description: 'One page of turns.', schema: pageOf(turnAnswerSchema) } },
  },
  getTurn: {
    method: 'GET',
    path: '/v1/turns/{id}',
    summary: 'A turn as it stands',
    auth: 'client',
    params: byId,
    responses: { 200: turn },
  },
  traceTurn: {
    method: 'GET',
    path: '/v1/turns/{id}/trace',
    summary: 'How a turn went: waiting, model attempts, tools, and what to do about what failed',
    auth: 'client',
    params: byId,
    responses: { 200: { description: 'The trace.', schema: turnTraceSchema } },
  },
  turnEvents: {
    method: 'GET',
    path: '/v1/turns/{id}/events',
    summary: 'A turn’s events; resumes after Last-Event-ID',
    auth: 'client',
    params: byId,
    responses: { 200: { description: 'Server-sent events.', mediaType: 'text/event-stream', stream: turnStream } },
  },
  cancelTurn: {
    method: 'POST',
    path: '/v1/turns/{id}/cancel',
    summary: 'End an open turn as cancelled',
    auth: 'client',
    params: byId,
    responses: { 200: turn },
  },
  retryTurn: {
    method: 'POST',
    path: '/v1/turns/{id}/retry',
    summary: 'Answer the same message again, as a new turn',
    auth: 'client',
    params: byId,
    body: retryRequestSchema,
    bodyOptional: true,
    startsWork: true,
    responses: { 200: turn, 202: openTurn },
  },
  createSession: {
    method: 'POST',
    path: '/v1/sessions',
    summary: 'Make a session',
    auth: 'client',
    body: sessionCreateSchema,
    bodyOptional: true,
    responses: { 201: session },
  },
  listSessions: {
    method: 'GET',
    path: '/v1/sessions',
    summary: 'Sessions, newest first',
    auth: 'client',
    query: pageQuerySchema,
    responses: { 200: { description: 'One page of sessions.', schema: pageOf(sessionSchema) } },
  },
  getSession: {
    method: 'GET',
    path: '/v1/sessions/{id}',
    summary: 'A session',
    auth: 'client',
    params: byId,
    responses: { 200: session },
  },
  patchSession: {
    method: 'PATCH',
    path: '/v1/sessions/{id}',
    summary: 'Change title, metadata, or make it current',
    auth: 'client',
    params: byId,
    body: sessionPatchSchema,
    responses: { 200: session },
  },
  deleteSession: {
    method: 'DELETE',
    path: '/v1/sessions/{id}',
    summary: 'Erase a session',
    auth: 'client',
    params: byId,
    responses: { 200: { description: 'What was erased.', schema: erasureSchema } },
  },
  listMessages: {
    method: 'GET',
    path: '/v1/sessions/{id}/messages',
    summary: 'Messages of a session, in order',
    auth: 'client',
    params: byId,
    query: pageQuerySchema,
    responses: { 200: { description: 'One page of messages.', schema: pageOf(messageSchema) } },
  },
  status: {
    method: 'GET',
    path: '/v1/status',
    summary: 'Everything an operator asks first',
    auth: 'admin',
    query: statusQuerySchema,
    responses: { 200: { description: 'Status.', schema: statusSchema } },
  },
  listLogs: {
    method: 'GET',
    path: '/v1/logs',
    summary: 'Log lines, newest first; as server-sent events, as they are written',
    auth: 'admin',
    query: logQuerySchema,
    responses: { 200: { description: 'One page of log lines.', schema: logPageSchema, stream: logStream } },
  },
  liveEvents: {
    method: 'GET',
    path: '/v1/events',
    summary: 'The live feed of what happens; resumes after Last-Event-ID',
    auth: 'admin',
    responses: { 200: { description: 'Server-sent events.', mediaType: 'text/event-stream', stream: liveStream } },
  },
  metrics: {
    method: 'GET',
    path: '/metrics',
    summary: 'Figures for Prometheus',
    auth: 'admin',
    openLocally: true,
    responses: { 200: { description: 'Prometheus text, version 0.0.4.', mediaType: 'text/plain' } },
  },
  series: {
    method: 'GET',
    path: '/v1/metrics',
    summary: 'Figures over time, in columns',
    auth: 'admin',
    query: seriesQuerySchema,
    responses: { 200: { description: 'One column per figure.', schema: seriesSchema } },
  },
  openapi: {
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document',
    auth: 'client',
    openInDevelopment: true,
    responses: { 200: { description: 'The API as OpenAPI 3.1.', schema: z.record(z.string(), z.json()) } },
  },
  docs: {
    method: 'GET',
    path: '/docs',
    summary: 'The API for people',
    auth: 'client',
    openInDevelopment: true,
    page: 'both',
    responses: { 200: page },
  },
  docsScript: {
    method: 'GET',
    path: '/docs/page.js',
    summary: 'Its script',
    auth: 'client',
    openInDevelopment: true,
    page: 'both',
    responses: { 200: script },
  },
  docsStyle: {
    method: 'GET',
    path: '/docs/page.css',
    summary: 'Its style',
    auth: 'client',
    openInDevelopment: true,
    page: 'both',
    responses: { 200: { description: 'A static file.', mediaType: 'text/css' } },
  },
  listAudit: {
    method: 'GET',
    path: '/v1/audit',
    summary: 'Audit rows, newest first',
    auth: 'admin',
    query: auditQuerySchema,
    responses: { 200: { description: 'One page of audit rows.', schema: auditPageSchema } },
  },
  verifyAudit: {
    method: 'POST',
    path: '/v1/audit/verify',
    summary: 'Judge the whole audit chain',
    auth: 'admin',
    body: auditVerifyRequestSchema,
    bodyOptional: true,
    responses: { 200: { description: 'What was found, also when it is bad.', schema: auditVerificationSchema } },
  },
  ...accessRoutes,
  dashboardRoot: { method: 'GET', path: '/', summary: 'Dashboard', auth: 'public', page: 'dashboard', responses: { 200: page } },
  dashboardAsset: {
    method: 'GET',
    path: '/assets/{id}',
    summary: 'A file of it',
    auth: 'public',
    page: 'dashboard',
    params: byId,
    responses: { 200: asset },
  },
  uiRedirect: {
    method: 'GET',
    path: '/ui',
    summary: 'To the dashboard',
    auth: 'public',
    page: 'both',
    responses: { 308: { description: 'Moved to `/ui/`.' } },
  },
  ui: { method: 'GET', path: '/ui/', summary: 'Dashboard', auth: 'public', page: 'both', responses: { 200: page } },
  uiAsset: {
    method: 'GET',
    path: '/ui/assets/{id}',
    summary: 'A file of it',
    auth: 'public',
    page: 'both',
    params: byId,
    responses: { 200: asset },
  },
} as const satisfies Record<string, Route>;

export type Routes = typeof routes;
export type RouteName = keyof Routes;
