import type { Server } from 'node:http';
import { getRequestListener, RequestError } from '@hono/node-server';
import { Hono } from 'hono';
import type { Access } from '../access/access.ts';
import type { Agent } from '../agent/agent.ts';
import type { Clock } from '../base/clock.ts';
import type { Config } from '../base/config.ts';
import { AppError, ConfigError } from '../base/errors.ts';
import type { Ids } from '../base/ids.ts';
import type { LifecycleState } from '../base/lifecycle.ts';
import type { Logger } from '../base/log.ts';
import { type Route, type RouteName, routes } from '../contract/routes.ts';
import type { Metrics } from '../metrics/create-metrics.ts';
import type { LiveFeed } from '../metrics/live-feed.ts';
import type { Models } from '../model/models.ts';
import type { Store } from '../store/store.ts';
import { createAuth } from './auth.ts';
import { createAuthFailures } from './auth-failures.ts';
import type { Handlers } from './call.ts';
import { createLoginCookie } from './cookies.ts';
import { createEventStreams } from './event-stream.ts';
import { createHostCheck } from './host-check.ts';
import { HTTP_LIMITS, type HttpLimits } from './limits.ts';
import { close, createListener, listen } from './listeners.ts';
import { createLiveWatch } from './live-watch.ts';
import { createLoginLimits } from './login-limits.ts';
import { allowedMethods } from './match-route.ts';
import { type Bindings, createPipeline, type HttpContext, type Pipeline } from './pipeline.ts';
import { createPressure } from './pressure.ts';
import { createReadingNotes } from './reading-notes.ts';
import { isLoopbackAddress, type ListenerName } from './request-view.ts';
import { auditHandlers } from './routes/audit.ts';
import { chatHandlers } from './routes/chat.ts';
import { docsHandlers } from './routes/docs.ts';
import { keyHandlers } from './routes/keys.ts';
import { liveHandlers } from './routes/live.ts';
import { loginHandlers } from './routes/logins.ts';
import { logHandlers } from './routes/logs.ts';
import { metricsHandlers } from './routes/metrics.ts';
import { pageHandlers } from './routes/pages.ts';
import { sessionHandlers } from './routes/sessions.ts';
import { type StatusParts, statusHandlers } from './routes/status.ts';
import { turnHandlers } from './routes/turns.ts';
import { createTurnStreams } from './turn-streams.ts';

export interface HttpParts {
  config: Pick<Config, 'env' | 'host' | 'port' | 'dashboardPort' | 'dashboardPortIsDefault' | 'publicUrl' | 'allowedHosts' | 'trustProxy'>;
  clock: Clock;
  ids: Ids;
  log: Logger;
  agent: Agent;
  store: Store;
  access: Access;
  models: Pick<Models, 'states'>;
  metrics: Metrics;
  feed: LiveFeed;
  /** Log lines lost so far. */
  droppedLines?: () => number;
  doctor: StatusParts['doctor'];
  alerts: StatusParts['alerts'];
  /** The agent's name, as `/v1/status` shows it. */
  name?: string;
  /** Names, for `/v1/status`. */
  tools?: string[];
  middleware?: string[];
  version: string;
  /** Wall clock. */
  startedAt: number;
  state(): LifecycleState;
  /** Where the dashboard's files lie, instead of where the build puts them. */
  webFolder?: URL;
  /** Where the log is written. */
  logPath: string;
  limits?: Partial<HttpLimits>;
}

export interface Http {
  /** Listens. Rejects with ConfigError when a port cannot be had; a busy *default* dashboard port is done without. */
  start(): Promise<{ port: number; dashboardPort?: number }>;
  /** Stops accepting, ends streams after the event they are at, waits `stopMs` for other answers, then cuts. Idempotent. */
  stop(): Promise<void>;
  /** The app without a socket. `from` stands in for one: without it nobody is local. */
  fetch(request: Request, from?: { peer?: string; listener?: ListenerName }): Promise<Response>;
}

export function createHttp(parts: HttpParts): Http {
  const limits: HttpLimits = { ...HTTP_LIMITS, ...parts.limits };
  const { config, ids, log, metrics } = parts;
  const { pipeline, handlers, pressure, watch, events, authFailures } = assemble(parts, limits);
  const app = createHono(pipeline, handlers);
  const servers: Server[] = [];
  let stopping: Promise<void> | undefined;

  async function open(listener: ListenerName, port: number): Promise<number> {
    const serve = getRequestListener(
      (request, { incoming, outgoing }) => app.fetch(request, { incoming, outgoing, listener } as Bindings),
      // The host name is for requests without Host, which the pipeline refuses; probes may lack it.
      {
        hostname: 'localhost',
        errorHandler: (error) => pipeline.crash(error instanceof RequestError ? new AppError('invalid_request') : error),
      },
    );
    const server = createListener(serve, { ids, log, limits, onProblem: metrics.problem });
    const bound = await listen(server, {
      host: config.host,
      port,
      flag: listener === 'dashboard' ? '--dashboard-port' : '--port',
      taken: [config.port, config.dashboardPort],
    });
    server.on('error', (error) => log.error('listener.failed', { part: listener, error }));
    servers.push(server);
    log.info('listener.opened', { part: listener, host: config.host, port: bound });
    return bound;
  }

  async function openDashboard(): Promise<number | undefined> {
    if (config.dashboardPort === 0) return undefined;
    try {
      return await open('dashboard', config.dashboardPort);
    } catch (error) {
      if (!config.dashboardPortIsDefault || !(error instanceof ConfigError)) throw error;
      log.warn('listener.skipped', { part: 'dashboard', port: config.dashboardPort, error });
      return undefined;
    }
  }

  async function stop(): Promise<void> {
    pressure.stop();
    watch.stop();
    const closed = servers.splice(0).map((server) => close(server, limits.stopMs));
    events.endAll();
    await Promise.all(closed);
    await authFailures.flush();
  }

  return {
    async start() {
      const port = await open('api', config.port);
      try {
        const dashboardPort = await openDashboard();
        pressure.start();
        return dashboardPort === undefined ? { port } : { port, dashboardPort };
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop: () => (stopping ??= stop()),
    fetch: async (request, from = {}) => app.fetch(request, from),
  };
}

/** What serves requests, made in order of need. */
function assemble(parts: HttpParts, limits: HttpLimits) {
  const { config, clock, ids, log, store, access, metrics } = parts;
  const pressure = createPressure({ clock, store, limits, onSample: metrics.loopDelay });
  const cookie = createLoginCookie(store.install);
  const auth = createAuth({ access, cookie });
  const authFailures = createAuthFailures({ clock, log, store });
  const events = createEventStreams({ clock, limits, access });
  const streams = createTurnStreams({ log, events });
  const watch = createLiveWatch({ ...parts, pressure });
  const pipeline = createPipeline({
    ...{ clock, ids, log, limits, auth, authFailures, pressure },
    trustProxy: config.trustProxy,
    env: config.env,
    hostCheck: createHostCheck(config),
    boundLocally: isLoopbackAddress(config.host) || config.host === 'localhost',
    state: parts.state,
    onProblem: metrics.problem,
  });
  const handlers: Handlers = {
    ...statusHandlers({ name: 'holdfast', tools: [], middleware: [], ...parts, pressure, auth }),
    ...chatHandlers(parts.agent, streams),
    ...turnHandlers({ ...parts, streams, readings: createReadingNotes({ store, log, clock }) }),
    ...sessionHandlers(parts),
    ...auditHandlers(parts),
    ...logHandlers({ clock, log, path: parts.logPath, streams: events }),
    ...liveHandlers({ log, feed: parts.feed, watch, streams: events }),
    ...metricsHandlers({ ...parts, pressure, streams: events, droppedLines: parts.droppedLines ?? (() => 0) }),
    ...keyHandlers(parts),
    ...loginHandlers({ access, cookie, authFailures, config, limits: createLoginLimits(clock) }),
    ...pageHandlers(parts.webFolder),
    ...docsHandlers(parts.version),
  };
  return { pipeline, handlers, pressure, watch, events, authFailures };
}

/** Registers every route of the table, and an honest 404 or 405 for everything else. One handler per route: no middleware to forget. */
export function createHono(pipeline: Pipeline, handlers: Handlers): Hono<{ Bindings: Bindings }> {
  const app = new Hono<{ Bindings: Bindings }>();
  for (const name of Object.keys(routes) as RouteName[]) {
    const route: Route = routes[name];
    app.on(route.method, route.path.replace('{id}', ':id'), pipeline.serve(route, handlers[name]));
  }
  app.notFound((c: HttpContext) => {
    const allow = allowedMethods(c.req.path, c.env?.listener ?? 'api');
    if (allow === undefined) return pipeline.refuse(c, new AppError('not_found'));
    return pipeline.refuse(c, new AppError('method_not_allowed'), { allow });
  });
  app.onError(pipeline.crash);
  return app;
}
