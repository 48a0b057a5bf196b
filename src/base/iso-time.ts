/** ISO 8601 UTC, or null for a time that no calendar has: a broken clock must not cost the line. */
export function isoTime(ms: number): string | null {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
