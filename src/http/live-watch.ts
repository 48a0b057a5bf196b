// Looks at the process once a second while somebody reads the live feed, and publishes what changed.
import type { Agent } from '../agent/agent.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { isoTime } from '../base/iso-time.ts';
import type { Logger } from '../base/log.ts';
import type { LiveSnapshot } from '../contract/live.ts';
import type { LiveFeed } from '../metrics/live-feed.ts';
import type { Store } from '../store/store.ts';
import { type HealthParts, type HealthView, readHealth } from './health.ts';
import { presentFigures } from './present-figures.ts';

const LOOK_EVERY_MS = 1_000;
/** A change of memory by less is no news by itself. */
const MEMORY_STEP_BYTES = 16 * 1_048_576;

export interface LiveWatchParts extends HealthParts {
  clock: Clock;
  log: Logger;
  feed: LiveFeed;
  agent: Pick<Agent, 'figures'>;
  store: Pick<Store, 'health' | 'counts'>;
}

export interface LiveWatch {
  /** What there is now; from now on it is looked at until nobody reads. */
  look(): Promise<LiveSnapshot>;
  stop(): void;
}

interface Seen {
  snapshot: LiveSnapshot;
  health: HealthView;
  /** The snapshot without what changes by itself. */
  essence: string;
}

export function createLiveWatch(parts: LiveWatchParts): LiveWatch {
  const { clock, log, feed } = parts;
  const since = clock.monotonic();
  let seen: Seen | undefined;
  let timer: Timer | undefined;

  async function tick(): Promise<void> {
    if (feed.readers === 0) {
      timer = undefined;
      seen = undefined;
      return;
    }
    try {
      tell(await see(parts, since));
    } catch (error) {
      log.error('live.look_failed', { error });
    }
    if (timer) plan();
  }
  function plan(): void {
    timer = clock.after(LOOK_EVERY_MS, () => void tick());
  }

  /** Only the difference from what was told before. */
  function tell(now: Seen): void {
    const before = seen;
    seen = now;
    if (!before) return;
    for (const model of now.snapshot.models) {
      const was = before.snapshot.models.find(({ name }) => name === model.name);
      if (was?.state !== model.state) feed.publish({ type: 'model.changed', ...model });
    }
    const { status, state, checks } = now.health;
    if (status !== before.health.status || state !== before.health.state) feed.publish({ type: 'health.changed', status, state, checks });
    if (now.essence !== before.essence) feed.publish(now.snapshot);
  }

  return {
    async look() {
      const now = await see(parts, since);
      seen ??= now;
      if (!timer) plan();
      return now.snapshot;
    },
    stop() {
      timer?.cancel();
      timer = undefined;
    },
  };
}

async function see(parts: LiveWatchParts, since: number): Promise<Seen> {
  const { agent, store, models, clock } = parts;
  const stored = await store.counts().catch(() => undefined);
  const health = readHealth(parts);
  const { rss, heapUsed } = process.memoryUsage();
  const body = {
    state: health.state,
    health: health.status,
    requests: presentFigures(agent.figures()),
    sessions: stored?.sessions ?? null,
    models: models.states(),
  };
  const uptimeS = Math.round((clock.monotonic() - since) / 100) / 10;
  const memory = { rssBytes: rss, heapUsedBytes: heapUsed };
  const essence = JSON.stringify({ ...body, rss: Math.round(rss / MEMORY_STEP_BYTES) });
  return { snapshot: { type: 'snapshot', at: isoTime(clock.now()), uptimeS, memory, ...body }, health, essence };
}
