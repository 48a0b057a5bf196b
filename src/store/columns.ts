// Reads columns of a row as what the schema says they are. A wrong type is a defect or a damaged page, never a value to guess.
import type { Row } from './database.ts';

/** The end of the year 9999: later times have no RFC 3339 form. */
const TIME_MAX = 253_402_300_799_999;

export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw new TypeError(`column ${column} is not text`);
}

export function numberOf(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value;
  throw new TypeError(`column ${column} is not a number`);
}

export function wholeOf(row: Row, column: string): number {
  const value = row[column];
  if (Number.isSafeInteger(value)) return value as number;
  throw new TypeError(`column ${column} is not a whole number`);
}

/** Milliseconds since 1970. */
export function timeOf(row: Row, column: string): number {
  const value = wholeOf(row, column);
  if (value >= 0 && value <= TIME_MAX) return value;
  throw new TypeError(`column ${column} is not a time`);
}

export function bytesOf(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`column ${column} is not bytes`);
}

export const textOrNull = (row: Row, column: string): string | null => (row[column] === null ? null : textOf(row, column));
export const timeOrNull = (row: Row, column: string): number | null => (row[column] === null ? null : timeOf(row, column));
export const bytesOrNull = (row: Row, column: string): Uint8Array | null => (row[column] === null ? null : bytesOf(row, column));
