// Histograms that can be merged: fixed bounds, fine enough that a percentile read from them is off by a few per cent.

/** Twelve and a bit to the decade; each bucket is at most a quarter wider than the one before. */
const MANTISSAS = [1, 1.2, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5, 6, 7.5, 8.75];
const DECADES = 6;

/** Upper bounds in milliseconds, 1 ms to about 15 minutes; what is larger counts in one bucket more. */
export const BOUNDS_MS: readonly number[] = Array.from({ length: DECADES }, (_, decade) =>
  MANTISSAS.map((mantissa) => Math.round(mantissa * 10 ** decade * 100) / 100),
).flat();

/** Those of them that Prometheus is shown: every one costs a series per label. */
export const SHOWN_BOUNDS_MS: readonly number[] = [
  5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000,
];

/** The place of a value's bucket; `BOUNDS_MS.length` for the last one, which has no bound. */
export function bucketOf(ms: number): number {
  let low = 0;
  let high = BOUNDS_MS.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ms <= (BOUNDS_MS[middle] ?? Number.POSITIVE_INFINITY)) high = middle;
    else low = middle + 1;
  }
  return low;
}

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/**
 * Percentiles of what was counted, by upper bound in milliseconds (Infinity for the last bucket); null when nothing was. Within a bucket values are taken as evenly
 * spread, and the last bucket as its lower bound.
 */
export function percentilesOf(counts: ReadonlyMap<number, number>): Percentiles | null {
  const rising = [...counts].filter(([, n]) => n > 0).sort(([a], [b]) => a - b);
  const total = rising.reduce((sum, [, n]) => sum + n, 0);
  if (total === 0) return null;
  const at = (share: number): number => {
    let left = share * total;
    for (const [bound, n] of rising) {
      if (left <= n) return round(within(bound, left / n));
      left -= n;
    }
    return round(within(rising.at(-1)?.[0] ?? 0, 1));
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function within(bound: number, share: number): number {
  // Bounds may be those of another version: the bucket below is looked up by value.
  const lower = BOUNDS_MS.findLast((each) => each < bound) ?? 0;
  return Number.isFinite(bound) ? lower + (bound - lower) * share : lower;
}

const round = (ms: number): number => Math.round(ms * 10) / 10;
