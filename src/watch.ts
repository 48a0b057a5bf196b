// What watches over a running agent, wired as in app.ts: alerts, the look at the audit chain, the doctor.
import type { Agent } from './agent/agent.ts';
import { type Alerts, createAlerts } from './alerts/alerts.ts';
import { createAuditWatch } from './alerts/audit-watch.ts';
import type { Readings } from './alerts/readings.ts';
import type { TurnWindow } from './alerts/turn-window.ts';
import { createWebhook, type Webhook, type WebhookParts } from './alerts/webhook.ts';
import type { Clock } from './base/clock.ts';
import type { AlertConfig, Config } from './base/config.ts';
import { type HomePaths, readAlerts, writeAlerts } from './base/home.ts';
import { diskRoom } from './base/host-checks.ts';
import type { Part } from './base/lifecycle.ts';
import type { Logger } from './base/log.ts';
import { type AgentDoctor, type AgentDoctorParts, createAgentDoctor } from './doctor/agent-doctor.ts';
import type { Models } from './model/models.ts';
import type { Store } from './store/store.ts';

export interface WatchParts {
  config: Pick<Config, 'env'> & { alerts: AlertConfig };
  clock: Clock;
  log: Logger;
  random: () => number;
  paths: HomePaths;
  /** The agent's name, for those who share a channel. */
  name: string;
  store: Store;
  models: Models;
  agent: Pick<Agent, 'figures'>;
  /** How turns ended of late: counted from the first on. */
  turns: TurnWindow;
  droppedLines(): number;
  masterKey: AgentDoctorParts['masterKey'];
  webhookLimits?: WebhookParts['limits'];
}

export interface Watch extends Pick<Part, 'start' | 'stop'> {
  alerts: Pick<Alerts, 'active' | 'onChange'>;
  doctor: AgentDoctor;
  /** The same store; what a verification of the audit chain finds also counts for the alert. */
  store: Store;
}

export function createWatch(parts: WatchParts): Watch {
  const { config, clock, log, paths, store, models, agent } = parts;
  const webhook = makeWebhook(parts);
  const auditWatch = createAuditWatch({ clock, log, everyMs: config.alerts.auditMs, verify: () => store.verifyAudit([]) });

  async function read(): Promise<Readings> {
    const [room, { byStatus }] = await Promise.all([diskRoom(paths.home), store.turns.counts()]);
    const { open, oldestOpenMs } = agent.figures();
    return {
      models: models.sights(),
      storage: store.health(),
      diskFreeBytes: room?.freeBytes,
      audit: auditWatch.reading(),
      turns: parts.turns.read(),
      openTurns: { oldestMs: oldestOpenMs, orphaned: Math.max(0, byStatus.queued + byStatus.running - open) },
    };
  }

  const alerts = createAlerts({
    ...{ clock, log, config: config.alerts, read, webhook },
    memory: { load: () => readAlerts(paths), save: (kept) => writeAlerts(paths, kept) },
    proveModels: () => models.check(),
  });
  return {
    alerts,
    doctor: createAgentDoctor({
      ...{ store, models, clock, paths, config: config.alerts },
      figures: agent.figures,
      droppedLines: parts.droppedLines,
      masterKey: parts.masterKey,
      webhook: () => webhook?.state(),
    }),
    store: {
      ...store,
      async verifyAudit(heads) {
        const report = await store.verifyAudit(heads);
        // A head that its caller got wrong says nothing of the chain.
        if (heads.length === 0) auditWatch.note(report);
        return report;
      },
    },
    async start() {
      alerts.start();
      auditWatch.start();
    },
    async stop() {
      auditWatch.stop();
      await alerts.stop();
    },
  };
}

function makeWebhook({ config, clock, log, random, store, name, webhookLimits: limits }: WatchParts): Webhook | undefined {
  const { webhook: url } = config.alerts;
  const agent = { id: store.agentId, name, environment: config.env };
  return url && createWebhook({ url, agent, clock, log, random, ...(limits ? { limits } : {}) });
}
