// Reads columns of a row as what the schema says they are. A wrong type is a defect or a damaged page, never a value to guess.
import type { Row } from './database.ts';

export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw new TypeError(`column ${column} is not text`);
}

export function numberOf(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === 'number') return value;
  throw new TypeError(`column ${column} is not a number`);
}

export function bytesOf(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`column ${column} is not bytes`);
}

export const textOrNull = (row: Row, column: string): string | null => (row[column] === null ? null : textOf(row, column));
export const numberOrNull = (row: Row, column: string): number | null => (row[column] === null ? null : numberOf(row, column));
export const bytesOrNull = (row: Row, column: string): Uint8Array | null => (row[column] === null ? null : bytesOf(row, column));
