// Looks at the rules again and again, and decides when an alert has begun and when it is over. A cause that comes and goes is one alert.
import type { Timer } from '../base/clock.ts';
import type { Alert } from '../contract/alert.ts';
import { type AlertListener, type AnnouncerParts, createAnnouncer } from './announcer.ts';
import type { Readings } from './readings.ts';
import { type Judgement, judge, type Thresholds } from './rules.ts';

export interface AlertsParts extends AnnouncerParts {
  config: Thresholds & { checkMs: number; clearMs: number };
  /** May take a while; a look that fails is left out. */
  read(): Promise<Readings>;
  /** Asked for when an alert about a model cannot be judged, because nobody has called the model since the restart. */
  proveModels(): Promise<unknown>;
}

export interface Alerts {
  /** Alerts that are not over, oldest first. */
  active(): Alert[];
  onChange(listener: AlertListener): () => void;
  start(): void;
  /** Ends the looking; gives the webhook a moment to get out what waits. */
  stop(): Promise<void>;
}

const PROVE_EVERY_MS = 30_000;

export function createAlerts(parts: AlertsParts): Alerts {
  const { clock, log, config, webhook } = parts;
  const announcer = createAnnouncer(parts);
  /** Without a break, monotonic; at most one for each rule and model. */
  const badSince = new Map<string, number>();
  const wellSince = new Map<string, number>();
  let timer: Timer | undefined;
  let looking: Promise<void> = Promise.resolve();
  let provedAt = Number.NEGATIVE_INFINITY;
  let stopped = false;

  async function look(): Promise<void> {
    const judgements = judge(await parts.read(), config);
    if (stopped) return;
    for (const judgement of judgements) consider(judgement);
    const known = new Set(judgements.map(({ id }) => id));
    // About a model that is configured no more.
    for (const id of announcer.raised.keys()) if (!known.has(id)) settle(id);
    if (judgements.some(({ id, rule, verdict }) => verdict === 'unclear' && /model|key/.test(rule) && announcer.raised.has(id))) prove();
  }

  function consider(judgement: Judgement): void {
    const { id, verdict, raiseAfterMs, rule, severity, cause, fix } = judgement;
    const each = announcer.raised.get(id);
    if (each && verdict === 'good') settle(id);
    else if (each) {
      wellSince.delete(id);
      // What is shown stays true while it lasts: the number of failed turns, the room that is left.
      if (verdict === 'bad') Object.assign(each.alert, { cause, severity });
    } else if (verdict === 'bad') {
      const since = badSince.get(id) ?? clock.monotonic();
      badSince.set(id, since);
      if (clock.monotonic() - since < raiseAfterMs) return;
      badSince.delete(id);
      announcer.raise({ id, rule, severity, cause, fix });
    } else badSince.delete(id);
  }

  /** Well, as of now; over when it has been for long enough. */
  function settle(id: string): void {
    const since = wellSince.get(id) ?? clock.monotonic();
    wellSince.set(id, since);
    if (clock.monotonic() - since < config.clearMs) return;
    wellSince.delete(id);
    announcer.clear(id);
  }

  function prove(): void {
    if (clock.monotonic() - provedAt < PROVE_EVERY_MS) return;
    provedAt = clock.monotonic();
    parts.proveModels().catch((error: unknown) => log.warn('alert.proof_failed', { error }));
  }

  function plan(ms: number): void {
    timer = clock.after(ms, () => {
      looking = look()
        .catch((error: unknown) => log.warn('alert.look_failed', { error }))
        .then(() => (stopped ? undefined : plan(config.checkMs)));
    });
  }

  return {
    active: () => [...announcer.raised.values()].map(({ alert }) => ({ ...alert })).sort((a, b) => a.since.localeCompare(b.since)),
    onChange: announcer.onChange,
    start() {
      announcer.restore();
      plan(0);
    },
    async stop() {
      stopped = true;
      timer?.cancel();
      await looking;
      await webhook?.stop();
    },
  };
}
