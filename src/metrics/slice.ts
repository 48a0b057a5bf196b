// What happened in a stretch of time, as something that can be added up and stored.
import type { HistogramName } from './table.ts';

export const STEP_MS = 10_000;
export const MINUTE_MS = 60_000;

/** The highest value seen. */
export interface Peaks {
  rssBytes?: number | undefined;
  heapUsedBytes?: number | undefined;
  openTurns?: number | undefined;
  loopDelayMs?: number | undefined;
}

export interface Slice {
  /** Start, wall clock, milliseconds; a multiple of its step. */
  at: number;
  /** How long it is: of a minute, what was measured. */
  ms: number;
  /** Added in it, by flat key of the ledger. */
  counts: Map<string, number>;
  peaks: Peaks;
}

export type Figures = Pick<Slice, 'counts' | 'peaks'>;

export function mergeInto(into: Figures, { counts, peaks }: Figures): void {
  for (const [key, added] of counts) into.counts.set(key, (into.counts.get(key) ?? 0) + added);
  for (const name of Object.keys(peaks) as (keyof Peaks)[]) {
    const value = peaks[name];
    if (value !== undefined) into.peaks[name] = Math.max(value, into.peaks[name] ?? 0);
  }
}

export const encodeSlice = ({ ms, counts, peaks }: Slice): string => JSON.stringify({ ms, counts: Object.fromEntries(counts), peaks });

/** Undefined for what is not a stored slice: a damaged one costs itself. */
export function decodeSlice(at: number, text: string): Slice | undefined {
  try {
    const { ms, counts, peaks } = JSON.parse(text) as { ms: unknown; counts: Record<string, unknown>; peaks: Record<string, unknown> };
    const isCount = (entry: [string, unknown]): entry is [string, number] => Number.isFinite(entry[1]) && Number(entry[1]) >= 0;
    return {
      at,
      ms: typeof ms === 'number' && ms >= STEP_MS && ms <= MINUTE_MS ? ms : MINUTE_MS,
      counts: new Map(Object.entries(counts).filter(isCount)),
      peaks: Object.fromEntries(Object.entries(peaks).filter(isCount)),
    };
  } catch {
    return undefined;
  }
}

/**
 * A minute, or what was measured of it, as the finer steps it is not known in: counts are spread evenly, in whole numbers that add up to the same. A histogram goes to each
 * part whole, because only its shape is used.
 */
export function spread({ at, ms, counts, peaks }: Slice): Slice[] {
  const parts = Math.floor(ms / STEP_MS);
  return Array.from({ length: parts }, (_, part) => {
    const share = (n: number) => Math.floor((n * (part + 1)) / parts) - Math.floor((n * part) / parts);
    const own = [...counts].map(([key, n]): [string, number] => [key, isShape(key) ? n : share(n)]);
    return { at: at + part * STEP_MS, ms: STEP_MS, counts: new Map(own), peaks };
  });
}

const isShape = (key: string): boolean => key.startsWith('turnDuration|') || key.startsWith('firstToken|');

/** Histogram counts of a metric, by upper bound. */
export function addShape(into: Map<number, number>, counts: ReadonlyMap<string, number>, histogram: HistogramName): void {
  for (const [key, n] of counts) {
    if (!key.startsWith(`${histogram}|`)) continue;
    const bound = Number(key.slice(key.lastIndexOf('|') + 1));
    into.set(bound, (into.get(bound) ?? 0) + n);
  }
}
