import { CliError, usageError } from './failure.ts';

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION_MS_MAX = 365 * 86_400_000;

/** `30s`, `10m`, `1.5h`, `500ms`, `2d`; a bare number is seconds. Throws a usage error that names the flag; `fix` is the whole command, its last word a value that fits. */
export function parseDuration(text: string, flag: string, fix: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)?$/.exec(text.trim());
  const ms = match ? Number(match[1]) * (UNIT_MS[match[2] ?? 's'] ?? 0) : Number.NaN;
  if (!(ms >= 0 && ms <= DURATION_MS_MAX))
    throw usageError(`${flag} must be a duration such as ${exampleOf(fix)}: a number and ms, s, m, h or d, up to 365d.`, fix);
  return Math.round(ms);
}

/** A moment in the past: a duration before `now`, or an ISO 8601 time. Milliseconds since the epoch. */
export function parseSince(text: string, flag: string, { now, fix }: { now: number; fix: string }): number {
  if (/^\d{4}-\d\d-\d\d/.test(text)) {
    const at = Date.parse(text);
    if (Number.isFinite(at)) return at;
  }
  try {
    return now - parseDuration(text, flag, fix);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw usageError(`${flag} must be a duration such as ${exampleOf(fix)}, or an ISO 8601 time such as 2026-01-31T08:00:00Z.`, fix);
  }
}

const exampleOf = (fix: string): string => (fix.split('   #')[0] ?? '').split(' ').findLast((word) => /^\d/.test(word)) ?? '30s';

/** `--limit 20`, `-n 100`. */
export function parseCount(text: string, flag: string, { max, fix }: { max: number; fix: string }): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= 0 && count <= max)) throw usageError(`${flag} must be a whole number from 0 to ${max}.`, fix);
  return count;
}

/** `3 d 4 h`, `12 min`, `8.2 s`: the two largest units, for people. */
export function humanDuration(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.floor(seconds)} s`;
  const units: [string, number][] = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
  ];
  let rest = Math.floor(seconds);
  const parts: string[] = [];
  for (const [name, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 && parts.length < 2) parts.push(`${count} ${name}`);
  }
  return parts.join(' ');
}
