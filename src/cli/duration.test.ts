import { describe, expect, it } from 'vitest';
import { humanDuration, parseCount, parseDuration, parseSince } from './duration.ts';

const FIX = 'holdfast logs --since 10m';

describe('durations', () => {
  it('are read with their unit, seconds without one', () => {
    expect(['30s', '10m', '1.5h', '500ms', '2d', '7'].map((text) => parseDuration(text, '--x', 'holdfast x --x 30s'))).toEqual([
      30_000, 600_000, 5_400_000, 500, 172_800_000, 7_000,
    ]);
  });

  it.each(['', 'soon', '-5s', '1e9', '10 m', '9999999999s', '400d', 'Infinity'])('that make no sense are usage errors: %j', (text) => {
    expect(() => parseDuration(text, '--since', 'holdfast keys create a --since 90d')).toThrow(/--since must be a duration such as 90d:/);
  });

  it('reach back from now, or name a moment', () => {
    expect(parseSince('10m', '--since', { now: 1_000_000, fix: FIX })).toBe(400_000);
    expect(parseSince('2026-01-02T03:04:05Z', '--since', { now: 0, fix: FIX })).toBe(Date.parse('2026-01-02T03:04:05Z'));
    expect(() => parseSince('2026-99-99', '--since', { now: 0, fix: FIX })).toThrow(/a duration such as 10m, or an ISO 8601 time/);
  });

  it('are told in the two largest units', () => {
    expect([0.84, 9.99, 59.9, 61, 3_725, 200_000].map(humanDuration)).toEqual(['0.8 s', '10.0 s', '59 s', '1 min', '1 h 2 min', '2 d 7 h']);
  });

  it('and counts are whole and bounded', () => {
    expect(parseCount('0', '-n', { max: 10, fix: FIX })).toBe(0);
    for (const text of ['-1', '1.5', 'x', '11', '1e1']) expect(() => parseCount(text, '-n', { max: 10, fix: FIX })).toThrow(/-n must be/);
  });
});
