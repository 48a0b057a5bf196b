import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fullJitterMs } from './backoff.ts';

test('a delay is uniform below a ceiling that doubles with each attempt up to the cap', () => {
  expect([0, 1, 2, 3, 4, 5, 50].map((attempt) => fullJitterMs(attempt, 250, 4_000, () => 1))).toEqual([
    250, 500, 1000, 2000, 4000, 4000, 4000,
  ]);
  expect(fullJitterMs(3, 250, 4_000, () => 0.25)).toBe(500);
  expect(fullJitterMs(3, 250, 4_000, () => 0)).toBe(0);
});

test('no attempt, however late, gives more than the cap or anything but a number', () => {
  const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.nat(5_000), unit, (attempt, random) => {
      const ms = fullJitterMs(attempt, 250, 4_000, () => random);
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(ms).toBeLessThan(4_000);
    }),
  );
});
