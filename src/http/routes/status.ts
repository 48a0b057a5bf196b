import type { Agent } from '../../agent/agent.ts';
import type { Clock } from '../../base/clock.ts';
import type { Config } from '../../base/config.ts';
import type { Logger } from '../../base/log.ts';
import type { Alert } from '../../contract/alert.ts';
import type { Finding } from '../../contract/finding.ts';
import type { Health, Status } from '../../contract/status.ts';
import type { Models } from '../../model/models.ts';
import type { Store } from '../../store/store.ts';
import type { Auth } from '../auth.ts';
import { type HandlersOf, json, type PublicCall, type Reply } from '../call.ts';
import { type HealthView, readHealth } from '../health.ts';
import { noteAct } from '../note-act.ts';
import { presentFigures } from '../present-figures.ts';
import type { Pressure } from '../pressure.ts';
import { isLocalPeer } from '../request-view.ts';

export interface StatusParts {
  agent: Agent;
  store: Store;
  models: Pick<Models, 'states'>;
  pressure: Pressure;
  /** Looks deeper, when asked to. */
  doctor: { examine(): Promise<Finding[]> };
  alerts: { active(): Alert[] };
  auth: Auth;
  clock: Clock;
  log: Logger;
  config: Pick<Config, 'env'>;
  name: string;
  tools: string[];
  middleware: string[];
  version: string;
  /** Wall clock. */
  startedAt: number;
  state(): Health['state'];
}

export function statusHandlers(parts: StatusParts): HandlersOf<'health' | 'livez' | 'readyz' | 'startupz' | 'status'> {
  const { config, auth, clock } = parts;
  // Monotonic, so that an uptime does not jump with the wall clock.
  const since = clock.monotonic();
  const uptimeS = () => Math.round((clock.monotonic() - since) / 100) / 10;

  const trusted = ({ view }: PublicCall) => (config.env === 'development' && isLocalPeer(view)) || auth.identify(view) !== undefined;
  const word = (call: PublicCall, up: (health: HealthView) => boolean): Reply => {
    const health = readHealth(parts);
    const { status, state, checks } = health;
    const details = trusted(call) && { version: parts.version, uptimeS: uptimeS(), checks };
    return json(up(health) ? 200 : 503, { status, state, ...details } satisfies Health);
  };

  return {
    health: (call) => word(call, (health) => health.status !== 'down'),
    // Asks nobody: a restart mends neither a disk nor a model, and must not be how a supervisor answers to them.
    livez: () => json(200, { status: 'ok', state: parts.state() } satisfies Health),
    readyz: (call) => word(call, (health) => health.status !== 'down'),
    startupz: (call) => word(call, ({ state }) => state !== 'starting' && state !== 'failed'),
    async status({ query, principal, requestId }) {
      const status = await readStatus(parts, uptimeS());
      // After the rest: what it finds out about the models is then for the next look at them.
      if (query.deep !== 'true') return json(200, status);
      const detail = { modelCalls: status.models.filter(({ state }) => state !== 'unconfigured').length };
      const act = { principal: principal.id, action: 'agent.examine', target: parts.store.agentId, requestId, outcome: 'ok' } as const;
      await noteAct(parts, { ...act, detail });
      return json(200, { ...status, findings: await parts.doctor.examine() });
    },
  };
}

/** A head that is damaged is said by the checks, and must not take the rest of the status with it. */
const auditHeadOf = (store: Store) => store.auditHead().catch(() => undefined);

async function readStatus(parts: StatusParts, uptimeS: number): Promise<Status> {
  const { agent, store, models, config, name, tools, middleware, version, alerts } = parts;
  const figures = agent.figures();
  const [current, stored, auditHead] = await Promise.all([store.sessions.current(), store.counts(), auditHeadOf(store)]);
  const { status: health, state, checks } = readHealth(parts);
  const { rss, heapUsed } = process.memoryUsage();
  return {
    agentId: store.agentId,
    name,
    version,
    environment: config.env,
    state,
    health,
    pid: process.pid,
    startedAt: new Date(parts.startedAt).toISOString(),
    uptimeS,
    tools,
    middleware,
    currentSession: current ? { id: current.id, messageCount: current.messageCount, restored: figures.sessionRestored } : null,
    models: models.states(),
    requests: presentFigures(figures),
    stored,
    memory: { rssBytes: rss, heapUsedBytes: heapUsed },
    auditHead: auditHead ?? null,
    alerts: alerts.active(),
    checks,
  };
}
