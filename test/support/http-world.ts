// The HTTP app over memory parts, as a function or on real sockets.
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createAccess } from '../../src/access/access.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { createIds } from '../../src/base/ids.ts';
import type { LifecycleState } from '../../src/base/lifecycle.ts';
import { type Logger, silentLogger } from '../../src/base/log.ts';
import { Secret } from '../../src/base/secret.ts';
import type { Alert } from '../../src/contract/alert.ts';
import type { Finding } from '../../src/contract/finding.ts';
import type { ModelState } from '../../src/contract/status.ts';
import { createHttp, type Http, type HttpParts } from '../../src/http/server.ts';
import { createMetrics } from '../../src/metrics/create-metrics.ts';
import { createLiveFeed } from '../../src/metrics/live-feed.ts';
import { assertDocumented } from './documented.ts';
import { createMemoryAgent, type MemoryAgentParts } from './memory-agent.ts';
import { createMemoryStore } from './memory-store.ts';

export const ADMIN_KEY = 'hf_admin_0123456789abcdef0123456789abcdef';
export const LOCAL_TOKEN = 'hf_local_0123456789abcdef0123456789abcdef';
export const asAdmin = { authorization: `Bearer ${ADMIN_KEY}` };
export const asLocal = { authorization: `Bearer ${LOCAL_TOKEN}` };

export interface WorldOptions extends Pick<MemoryAgentParts, 'script' | 'refuse'> {
  config?: Partial<HttpParts['config']>;
  limits?: HttpParts['limits'];
  logPath?: string;
  webFolder?: URL;
  clock?: Clock;
  log?: Logger;
}

export function createWorld(options: WorldOptions = {}) {
  const { clock = systemClock, log = silentLogger } = options;
  const ids = createIds(clock);
  const store = createMemoryStore({ ids, now: () => clock.now() });
  const agent = createMemoryAgent({ ...options, store, ids });
  const metrics = createMetrics({ clock, log, run: 'test', minutes: store.minutes, models: ['memory'], tools: [] });
  const feed = createLiveFeed({ clock, run: '0123456789abcdef' });
  const models: { list: ModelState[] } = { list: [{ name: 'memory', state: 'ok' }] };
  const deep: { findings: Finding[]; alerts: Alert[] } = { findings: [], alerts: [] };
  const life: { state: LifecycleState } = { state: 'ready' };
  const access = createAccess({ clock, ids, log, store, adminKey: new Secret(ADMIN_KEY), localToken: new Secret(LOCAL_TOKEN) });
  const http = createHttp({
    config: {
      env: 'development',
      host: '127.0.0.1',
      port: 0,
      dashboardPort: 0,
      dashboardPortIsDefault: false,
      allowedHosts: [],
      trustProxy: false,
      ...options.config,
    },
    ...{ clock, log, ids, agent, store, access, metrics, feed, limits: options.limits },
    models: { states: () => models.list },
    doctor: { examine: async () => deep.findings },
    alerts: { active: () => deep.alerts },
    version: '1.2.3',
    startedAt: clock.now(),
    state: () => life.state,
    webFolder: options.webFolder,
    logPath: options.logPath ?? join(tmpdir(), 'holdfast-no-log', 'agent.log'),
  });
  return { http, access, ids, store, agent, models, metrics, feed, deep, life, call: caller(http) };
}

export type World = ReturnType<typeof createWorld>;

interface CallOptions {
  headers?: Record<string, string>;
  /** Sent as JSON unless it is text. */
  body?: unknown;
  peer?: string;
  listener?: 'api' | 'dashboard';
}

/** Fields of the bodies tests look at; which of them are there depends on the route. */
interface AnswerBody {
  id: string;
  turnId: string;
  sessionId: string;
  requestId: string;
  retryOf: string;
  code: string;
  status: unknown;
  reply: string | null;
  degraded: boolean;
  nextCursor: string | null;
  data: AnswerBody[];
  errors: { path: string; message: string }[];
}
export type Answer = Omit<Response, 'json'> & { json(): Promise<AnswerBody> };

/** Calls the app without a socket, from loopback unless said otherwise. Every answer is held to the contract. */
function caller(http: Http) {
  return async (line: string, { headers = {}, body, peer = '127.0.0.1', listener = 'api' }: CallOptions = {}): Promise<Answer> => {
    const [method = 'GET', path = '/'] = line.split(' ');
    const sent = body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const request = new Request(`http://localhost${path}`, {
      method,
      headers: { ...type, ...headers },
      body: sent as RequestInit['body'],
    });
    const answer = await http.fetch(request, { peer, listener });
    await assertDocumented({ method, path, listener }, answer);
    return answer as Answer;
  };
}

/** Writes bytes as they are and gives everything that came back until the other side closed. */
export async function raw(port: number, ...parts: (string | Uint8Array)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => socket.destroy());
  for (const part of parts) socket.write(part);
  return text(socket).catch(() => '');
}
