import type { Agent } from '../../agent/agent.ts';
import { stepOf } from '../../contract/series.ts';
import { modelStateSchema } from '../../contract/status.ts';
import type { Metrics } from '../../metrics/create-metrics.ts';
import { EXPOSITION_TYPE, type Reading } from '../../metrics/exposition.ts';
import type { LiveFeed } from '../../metrics/live-feed.ts';
import type { Store } from '../../store/store.ts';
import { type HandlersOf, json } from '../call.ts';
import type { EventStreams } from '../event-stream.ts';
import { type HealthParts, readHealth } from '../health.ts';

export interface MetricsRouteParts extends HealthParts {
  metrics: Metrics;
  agent: Pick<Agent, 'figures'>;
  store: Pick<Store, 'health' | 'counts'>;
  streams: Pick<EventStreams, 'size'>;
  feed: LiveFeed;
  version: string;
  /** Wall clock. */
  startedAt: number;
  /** Log lines lost so far. */
  droppedLines(): number;
}

export function metricsHandlers(parts: MetricsRouteParts): HandlersOf<'metrics' | 'series'> {
  const { metrics } = parts;
  return {
    async metrics() {
      return { status: 200, headers: { 'content-type': EXPOSITION_TYPE }, body: await metrics.exposition(await readings(parts)) };
    },
    async series({ query: { window, step } }) {
      return json(200, await metrics.series({ window, step: stepOf(window, step) }));
    },
  };
}

/** A store that cannot be read must not hide the rest: its figure is left out. */
async function readings(parts: MetricsRouteParts): Promise<Parameters<Metrics['exposition']>[0]> {
  const { agent, store, models, streams, feed, version } = parts;
  const { writable, queued, walBytes } = store.health();
  const stored = await store.counts().catch(() => undefined);
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const { status } = readHealth(parts);
  return {
    build: [{ labels: [version, process.version], value: 1 }],
    health: (['ok', 'degraded', 'down'] as const).map((word) => ({ labels: [word], value: word === status ? 1 : 0 })),
    open: agent.figures().open,
    sessions: stored ? stored.sessions : [],
    storeWritable: writable ? 1 : 0,
    storeQueued: queued,
    storeWal: walBytes,
    modelState: models
      .states()
      .flatMap(({ name, state }) =>
        modelStateSchema.shape.state.options.map((each): Reading => ({ labels: [name, each], value: each === state ? 1 : 0 })),
      ),
    streams: streams.size,
    liveReaders: feed.readers,
    liveEvents: feed.kept,
    logDropped: parts.droppedLines(),
    cpu: (user + system) / 1e6,
    startTime: parts.startedAt / 1_000,
    rss,
    heapUsed,
    heapTotal,
    external,
  };
}
