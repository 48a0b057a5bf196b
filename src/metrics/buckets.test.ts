import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BOUNDS_MS, bucketOf, percentilesOf, SHOWN_BOUNDS_MS } from './buckets.ts';

const countsOf = (values: number[]): Map<number, number> => {
  const counts = new Map<number, number>();
  for (const value of values) {
    const bound = BOUNDS_MS[bucketOf(value)] ?? Number.POSITIVE_INFINITY;
    counts.set(bound, (counts.get(bound) ?? 0) + 1);
  }
  return counts;
};

test('bounds rise by a quarter at most, and those shown are among them', () => {
  BOUNDS_MS.slice(1).forEach((bound, index) => {
    const before = BOUNDS_MS[index] ?? 0;
    expect(bound).toBeGreaterThan(before);
    expect(bound / before).toBeLessThanOrEqual(1.251);
  });
  for (const shown of SHOWN_BOUNDS_MS) expect(BOUNDS_MS).toContain(shown);
});

test('a value is in the first bucket whose bound reaches it', () => {
  expect(bucketOf(0)).toBe(0);
  expect(BOUNDS_MS[bucketOf(250)]).toBe(250);
  expect(BOUNDS_MS[bucketOf(250.1)]).toBe(300);
  expect(bucketOf(1e9)).toBe(BOUNDS_MS.length);
});

test('percentiles read from buckets are near those of the values', () => {
  const values = fc.array(fc.double({ min: 1, max: 600_000, noNaN: true }), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(values, (given) => {
      const sorted = [...given].sort((a, b) => a - b);
      const found = percentilesOf(countsOf(given));
      for (const [name, share] of [['p50', 0.5] as const, ['p95', 0.95] as const, ['p99', 0.99] as const]) {
        const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
        // In the same bucket as the exact value: never off by more than a bucket's width.
        expect((found?.[name] ?? 0) / exact).toBeGreaterThan(0.79);
        expect((found?.[name] ?? 0) / exact).toBeLessThan(1.26);
      }
    }),
  );
});

test('percentiles of merged buckets are those of all values together, not an average of percentiles', () => {
  const fast = new Array(990).fill(10) as number[];
  const slow = new Array(10).fill(5_000) as number[];
  const merged = percentilesOf(countsOf([...fast, ...slow]));
  expect(merged?.p95).toBeLessThanOrEqual(10);
  expect(percentilesOf(countsOf([...fast, ...slow, ...slow]))?.p99).toBeGreaterThan(4_000);
});

test('nothing counted has no percentiles, and what is beyond the last bound counts as that bound', () => {
  expect(percentilesOf(new Map())).toBeNull();
  expect(percentilesOf(countsOf([1e9]))?.p50).toBe(BOUNDS_MS.at(-1));
});
