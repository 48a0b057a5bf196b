import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Series, StepName, WindowName } from '../contract/series.ts';
import type { Minutes } from '../store/minutes.ts';
import { exposition, type Readings } from './exposition.ts';
import type { TurnFigures } from './figures.ts';
import { createMeter, type Meter } from './meter.ts';
import { createSeries } from './series.ts';

export interface MetricsParts {
  clock: Clock;
  log: Logger;
  /** Names this process in the stored series. */
  run: string;
  minutes: Minutes;
  /** As configured. */
  models: readonly string[];
  /** Names of the agent's tools. */
  tools: readonly string[];
}

/** Everything that is counted, and the ways to read it. */
export interface Metrics extends Pick<Meter, 'problem' | 'probe' | 'loopDelay'> {
  readonly figures: TurnFigures;
  /** Begins to sample. `openTurns` is asked every ten seconds. */
  start(openTurns: () => number): void;
  /** Stores the minute under way. Never rejects. */
  stop(): Promise<void>;
  series(query: { window: WindowName; step: StepName }): Promise<Series>;
  /** The Prometheus text. */
  exposition(readings: Omit<Readings, 'minutesWaiting' | 'stepsKept'>): string;
}

export function createMetrics({ clock, log, run, minutes, models, tools }: MetricsParts): Metrics {
  const meter = createMeter({ clock, models, tools });
  let worstLoopMs: number | undefined;
  let openTurns: () => number | undefined = () => undefined;
  const series = createSeries({
    ...{ clock, log, run, minutes, ledger: meter.ledger },
    peaks() {
      const { rss, heapUsed } = process.memoryUsage();
      const loopDelayMs = worstLoopMs;
      worstLoopMs = undefined;
      return { rssBytes: rss, heapUsedBytes: heapUsed, openTurns: openTurns(), loopDelayMs };
    },
  });
  return {
    problem: meter.problem,
    probe: meter.probe,
    loopDelay(ms) {
      meter.loopDelay(ms);
      worstLoopMs = Math.max(ms, worstLoopMs ?? 0);
    },
    figures: {
      accepted: meter.accepted,
      ended: meter.ended,
      read: () => ({ ...meter.turns(), latencyMs: series.recentLatency() }),
    },
    start(ask) {
      openTurns = ask;
      series.start();
    },
    stop: series.stop,
    series: series.read,
    exposition(readings) {
      const { minutes: minutesWaiting, steps: stepsKept } = series.held();
      return exposition(meter.ledger, { ...readings, minutesWaiting, stepsKept });
    },
  };
}
