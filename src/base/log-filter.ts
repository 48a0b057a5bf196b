import type { LogLevel } from './log.ts';

export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export interface LogWanted {
  /** This level and those above. */
  level?: LogLevel | undefined;
  /** Wall clock, milliseconds. */
  since?: number | undefined;
  until?: number | undefined;
  sessionId?: string | undefined;
  turnId?: string | undefined;
  requestId?: string | undefined;
  event?: string | undefined;
  /** Anywhere in the line, whatever its case. */
  text?: string | undefined;
}

/** A line as data; undefined for one that was torn by a crash. */
export function parseLogLine(line: string): Record<string, unknown> | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === 'object' && entry !== null && !Array.isArray(entry) ? (entry as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a line is wanted. Without any wish all are, torn ones too. */
export function logFilter(wanted: LogWanted): (line: string) => boolean {
  const { level, since, until, text, ...fields } = wanted;
  const least = level === undefined ? 0 : LOG_LEVELS.indexOf(level);
  const same = Object.entries(fields).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const needle = text?.toLowerCase();
  if (least <= 0 && since === undefined && until === undefined && same.length === 0 && needle === undefined) return () => true;
  return (line) => {
    // Most lines are told apart without being parsed.
    if (same.some(([, value]) => !line.includes(value))) return false;
    if (needle !== undefined && !line.toLowerCase().includes(needle)) return false;
    const entry = parseLogLine(line);
    if (!entry) return false;
    if (least > 0 && LOG_LEVELS.indexOf(entry.level as LogLevel) < least) return false;
    const at = since === undefined && until === undefined ? 0 : Date.parse(String(entry.time));
    if (since !== undefined && !(at >= since)) return false;
    if (until !== undefined && !(at < until)) return false;
    return same.every(([name, value]) => entry[name] === value);
  };
}
