// Steps of merged figures as the columns that a chart draws.
import type { Column, Series } from '../contract/series.ts';
import { type Percentiles, percentilesOf } from './buckets.ts';
import { addShape, type Figures, type Peaks } from './slice.ts';
import type { CounterName, HistogramName } from './table.ts';

type Step = Figures | undefined;

/** `steps[0]` starts at `from` (milliseconds). */
export function seriesColumns(steps: readonly Step[], from: number, stepMs: number): Omit<Series, 'window' | 'stepS'> {
  const rows = steps.map((step) => step && rowsOf(step));
  const sum = (counter: CounterName, matches: (labels: readonly string[]) => boolean = () => true): Column =>
    rows
      .map((row) => row && (row.get(counter) ?? []).reduce((total, { labels, n }) => (matches(labels) ? total + n : total), 0))
      .map(orNull);
  const valuesOf = (counter: CounterName, value: (labels: readonly string[]) => string | undefined): string[] => {
    const found = rows.flatMap((row) => row?.get(counter) ?? []).map(({ labels }) => value(labels));
    return [...new Set(found)].filter((each) => each !== undefined && each !== '').sort() as string[];
  };
  const columnsOf = (counter: CounterName, value: (labels: readonly string[]) => string | undefined) =>
    Object.fromEntries(valuesOf(counter, value).map((wanted) => [wanted, sum(counter, (labels) => value(labels) === wanted)]));
  const peak = (name: keyof Peaks): Column => steps.map((step) => orNull(step?.peaks[name]));
  const outcome = (status: string) => sum('ended', ([each]) => each === status);
  const modelOf = ([provider, model]: readonly string[]) => `${provider}/${model}`;

  return {
    times: steps.map((_, place) => (from + place * stepMs) / 1_000),
    accepted: sum('accepted'),
    outcomes: {
      completed: outcome('completed'),
      degraded: outcome('degraded'),
      failed: outcome('failed'),
      cancelled: outcome('cancelled'),
    },
    latencyMs: percentileColumns(steps, 'turnDuration'),
    firstTokenMs: percentileColumns(steps, 'firstToken'),
    tokens: { input: sum('tokens', ([way]) => way === 'input'), output: sum('tokens', ([way]) => way === 'output') },
    errors: {
      reasons: columnsOf('ended', ([, reason]) => reason),
      problems: columnsOf('problems', ([code]) => code),
      models: columnsOf('modelCalls', ([, , code]) => (code === 'ok' ? undefined : code)),
    },
    modelCalls: Object.fromEntries(
      valuesOf('modelCalls', modelOf).map((model) => {
        const ok = sum('modelCalls', (labels) => modelOf(labels) === model && labels[2] === 'ok');
        const failed = sum('modelCalls', (labels) => modelOf(labels) === model && labels[2] !== 'ok');
        return [model, { ok, failed }];
      }),
    ),
    memory: { rssBytes: peak('rssBytes'), heapUsedBytes: peak('heapUsedBytes') },
    eventLoopDelayMs: peak('loopDelayMs'),
    openTurns: peak('openTurns'),
  };
}

const orNull = (value: number | undefined): number | null => value ?? null;

/** The counts of a step by counter, keys taken apart once. */
function rowsOf({ counts }: Figures): Map<string, { labels: string[]; n: number }[]> {
  const rows = new Map<string, { labels: string[]; n: number }[]>();
  for (const [key, n] of counts) {
    const [name = '', ...labels] = key.split('|');
    const known = rows.get(name);
    if (known) known.push({ labels, n });
    else rows.set(name, [{ labels, n }]);
  }
  return rows;
}

function percentileColumns(steps: readonly Step[], histogram: HistogramName): Record<keyof Percentiles, Column> {
  const found = steps.map((step) => {
    if (!step) return null;
    const counts = new Map<number, number>();
    addShape(counts, step.counts, histogram);
    return percentilesOf(counts);
  });
  const column = (name: keyof Percentiles): Column => found.map((each) => each?.[name] ?? null);
  return { p50: column('p50'), p95: column('p95'), p99: column('p99') };
}
