/** ISO 8601 UTC, or null for a time that no calendar has: a broken clock must not cost the line. */
export function isoTime(ms: number): string | null {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

const TIME_MS_MAX = 8.64e15;
/** A damaged time must not take the answer with it: it is shown as the nearest one that exists (ECMA-262, time range). */
export const nearestIsoTime = (ms: number): string => new Date(Math.max(-TIME_MS_MAX, Math.min(TIME_MS_MAX, ms))).toISOString();
