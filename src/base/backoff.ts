/** Full-jitter exponential backoff: a uniform delay in [0, min(cap, base × 2^attempt)] milliseconds. */
export function fullJitterMs(attempt: number, baseMs: number, capMs: number, random: () => number): number {
  return random() * Math.min(capMs, baseMs * 2 ** attempt);
}
