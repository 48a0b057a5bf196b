import { BOUNDS_MS, bucketOf } from './buckets.ts';
import { CELLS_MAX, COUNTERS, type CounterName, HISTOGRAMS, type HistogramName, OTHER } from './table.ts';

export interface CounterCell {
  labels: readonly string[];
  value: number;
}

export interface HistogramCell {
  labels: readonly string[];
  /** One count per bound of `BOUNDS_MS` and one for what is larger. */
  buckets: Float64Array;
  sumMs: number;
  count: number;
}

/**
 * The one set of numbers that everything is read from: Prometheus, the series, the live feed and `/v1/status`. Constant memory: a metric has at most `CELLS_MAX` cells.
 * Numbers only grow, for as long as the process lives.
 */
export interface Ledger {
  count(counter: CounterName, labels?: readonly string[], by?: number): void;
  observe(histogram: HistogramName, ms: number, labels?: readonly string[]): void;
  /** Shows the metric with these labels before anything happened: the first of a kind is then an increase. */
  prepare(name: CounterName | HistogramName, labels?: readonly string[]): void;
  counter(name: CounterName): readonly CounterCell[];
  histogram(name: HistogramName): readonly HistogramCell[];
  /**
   * What was added to these metrics since the last time it was taken, by flat key; only what changed. Without `take` it is only looked at.
   * One caller: the series.
   */
  changes(take: boolean): Map<string, number>;
}

/** `metric|label|…`, for a histogram followed by the upper bound in milliseconds. */
export const flatKey = (name: CounterName | HistogramName, labels: readonly string[]): string => [name, ...labels].join('|');

interface Cell {
  key: string;
  labels: readonly string[];
}
interface Counted extends Cell {
  value: number;
  taken: number;
}
interface Observed extends Cell, HistogramCell {
  taken: Float64Array;
  bucketKeys: (string | undefined)[];
}

/** `tracked`: the metrics that `changes` tells of. */
export function createLedger(tracked: { counters: readonly CounterName[]; histograms: readonly HistogramName[] }): Ledger {
  const counted = familiesOf(COUNTERS, (cell): Counted => ({ ...cell, value: 0, taken: 0 }));
  const observed = familiesOf(HISTOGRAMS, (cell): Observed => {
    const length = BOUNDS_MS.length + 1;
    const buckets = new Float64Array(length);
    return { ...cell, buckets, sumMs: 0, count: 0, taken: new Float64Array(length), bucketKeys: new Array(length) };
  });
  return {
    count(name, labels = [], by = 1) {
      counted[name].cell(labels).value += by;
    },
    observe(name, ms, labels = []) {
      const cell = observed[name].cell(labels);
      const bucket = bucketOf(ms);
      cell.buckets[bucket] = (cell.buckets[bucket] ?? 0) + 1;
      cell.sumMs += ms;
      cell.count += 1;
    },
    prepare(name, labels = []) {
      if (isCounter(name)) counted[name].cell(labels);
      else observed[name].cell(labels);
    },
    counter: (name) => counted[name].all(),
    histogram: (name) => observed[name].all(),
    changes(take) {
      const changes = new Map<string, number>();
      for (const name of tracked.counters)
        for (const cell of counted[name].all()) {
          if (cell.value !== cell.taken) changes.set(cell.key, cell.value - cell.taken);
          if (take) cell.taken = cell.value;
        }
      for (const name of tracked.histograms) for (const cell of observed[name].all()) addBuckets(changes, cell, take);
      return changes;
    },
  };
}

const isCounter = (name: CounterName | HistogramName): name is CounterName => name in COUNTERS;

function addBuckets(changes: Map<string, number>, cell: Observed, take: boolean): void {
  const { buckets, taken, bucketKeys } = cell;
  for (let at = 0; at < buckets.length; at += 1) {
    const added = (buckets[at] ?? 0) - (taken[at] ?? 0);
    if (added === 0) continue;
    const key = bucketKeys[at] ?? `${cell.key}|${BOUNDS_MS[at] ?? Number.POSITIVE_INFINITY}`;
    bucketKeys[at] = key;
    changes.set(key, added);
  }
  if (take) taken.set(buckets);
}

interface Family<C> {
  cell(labels: readonly string[]): C;
  all(): readonly C[];
}

function familiesOf<N extends CounterName | HistogramName, C>(
  rows: Record<N, { labels: readonly string[] }>,
  create: (cell: Cell) => C,
): Record<N, Family<C>> {
  const families = Object.entries(rows).map(([name]) => [name, createFamily(name as N, create)]);
  return Object.fromEntries(families) as Record<N, Family<C>>;
}

function createFamily<C>(name: CounterName | HistogramName, create: (cell: Cell) => C): Family<C> {
  const cells = new Map<string, C>();
  const all: C[] = [];
  const make = (key: string, labels: readonly string[]): C => {
    const cell = create({ key: flatKey(name, labels), labels });
    cells.set(key, cell);
    all.push(cell);
    return cell;
  };
  return {
    cell(labels) {
      const key = labels.length === 1 ? (labels[0] ?? '') : labels.join('|');
      const known = cells.get(key);
      if (known) return known;
      if (all.length < CELLS_MAX) return make(key, labels);
      const other = labels.map(() => OTHER);
      return cells.get(other.join('|')) ?? make(other.join('|'), other);
    },
    all: () => all,
  };
}
