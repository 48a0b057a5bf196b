// Rows whose clear columns are not what the schema says: one of them costs itself, never its neighbours.
import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Row } from './database.ts';

/** As much of an id as a log line takes; a damaged one may be anything. */
const ID_SHOWN_MAX = 64;

/** What a caller hears who asked for one such row. */
export const damagedRecord = (cause?: unknown): AppError => new AppError('internal', { sentence: 'This record is damaged.', cause });

/** The row as `parse` reads it, or undefined when that throws: logged by id, never by content. `parse` only looks at the row. */
export function readRow<T>(log: Logger, table: string, row: Row, parse: (row: Row) => T): T | undefined {
  try {
    return parse(row);
  } catch (error) {
    const code = typeof row.id === 'string' ? row.id.slice(0, ID_SHOWN_MAX) : '';
    log.error('record.damaged', { part: table, code, reason: error instanceof TypeError ? error.message : 'not readable' });
    return undefined;
  }
}

/** Those of the rows that can be read, in order; how many were left out is logged. */
export function readRows<T>(log: Logger, table: string, rows: readonly Row[], parse: (row: Row) => T): T[] {
  const read = rows.map((row) => readRow(log, table, row, parse)).filter((each) => each !== undefined);
  if (read.length < rows.length) log.error('records.left_out', { part: table, count: rows.length - read.length });
  return read;
}
