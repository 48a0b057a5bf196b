// The newest lines of the log, a bounded number of them. What had to go is counted, never silently dropped.
import type { LogLineView } from '../../../../src/contract/logs.ts';

export type LogRow = { key: number; line: LogLineView | undefined };

export interface LogRows {
  /** Oldest first. A row without a line is a gap: lines the server no longer had. */
  rows: readonly LogRow[];
  /** How many came in all. */
  total: number;
  /** How many of them are no longer among `rows`. */
  left: number;
}

export const LOG_ROWS_MAX = 5_000;
export const noRows: LogRows = { rows: [], total: 0, left: 0 };

export function addLines({ rows, total }: LogRows, lines: readonly (LogLineView | undefined)[], max = LOG_ROWS_MAX): LogRows {
  const added = lines.map((line, index): LogRow => ({ key: total + index, line }));
  const all = [...rows, ...added].slice(-max);
  return { rows: all, total: total + lines.length, left: total + lines.length - all.length };
}

const HEAD = new Set(['time', 'level', 'event']);

/** What a line says besides its head, on one line. */
export function saysOf(line: LogLineView): string {
  return Object.entries(line)
    .filter(([name]) => !HEAD.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('  ');
}
