// How units cross to the writer thread: one flat array of primitives and one block of bytes for a whole batch. Structured cloning of nested
// objects costs more than running the statements, and cloning a view copies all of the buffer behind it.
import type { AuditEntry } from './audit-entry.ts';
import type { Unit, Value } from './database.ts';

/** `true` stands for a blob; its offset and length follow. */
type Item = string | number | null | true;

export interface Batch {
  units: number;
  items: Item[];
  bytes: Uint8Array;
  /** SQL texts the writer has not seen yet, in the order of their numbers. */
  newSql: string[];
}

/** Gives every SQL text a number. Texts are constants of our modules, so there are few; the bound is for a defect. */
export interface SqlNumbers {
  readonly numbers: Map<string, number>;
}
const SQL_TEXTS_MAX = 1_000;
export const createSqlNumbers = (): SqlNumbers => ({ numbers: new Map() });

const ANY_CHANGES = -1;

/** Must not keep `units`: the caller does, for the answers. Throws RangeError when SQL is made up at run time. */
export function encodeBatch(units: readonly Unit[], sql: SqlNumbers): Batch {
  const items: Item[] = [];
  const newSql: string[] = [];
  const blobs: Uint8Array[] = [];
  let size = 0;
  const push = (value: Value) => {
    if (typeof value !== 'object' || value === null) {
      items.push(value);
      return;
    }
    items.push(true, size, value.length);
    blobs.push(value);
    size += value.length;
  };
  for (const unit of units) {
    items.push(unit.statements.length, unit.audit?.length ?? 0);
    for (const statement of unit.statements) {
      items.push(numberOf(statement.sql, sql, newSql), statement.changes ?? ANY_CHANGES, statement.values.length);
      for (const value of statement.values) push(value);
    }
    for (const entry of unit.audit ?? []) {
      const { at, tenant, principal, action, target, requestId, outcome, detail } = entry;
      items.push(at, tenant, principal, action, target, requestId, outcome, detail);
    }
  }
  return { units: units.length, items, bytes: joined(blobs, size), newSql };
}

function numberOf(text: string, { numbers }: SqlNumbers, newSql: string[]): number {
  const known = numbers.get(text);
  if (known !== undefined) return known;
  if (numbers.size >= SQL_TEXTS_MAX) throw new RangeError('too many different SQL texts: SQL is a constant, values are bound');
  const number = numbers.size;
  numbers.set(text, number);
  newSql.push(text);
  return number;
}

function joined(blobs: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const blob of blobs) {
    bytes.set(blob, at);
    at += blob.length;
  }
  return bytes;
}

/** One statement as the writer runs it; `changes` is undefined when any count is right. */
export interface PlainStatement {
  sql: number;
  changes: number | undefined;
  values: Value[];
}
export interface PlainUnit {
  statements: PlainStatement[];
  audit: AuditEntry[];
}

export function decodeBatch({ units, items, bytes }: Batch): PlainUnit[] {
  let at = 0;
  const number = () => items[at++] as number;
  const text = () => items[at++] as string;
  const value = (): Value => {
    const item = items[at++];
    if (item !== true) return item as Value;
    const start = number();
    return bytes.subarray(start, start + number());
  };
  const statement = (): PlainStatement => {
    const sql = number();
    const changes = number();
    return { sql, changes: changes === ANY_CHANGES ? undefined : changes, values: Array.from({ length: number() }, value) };
  };
  const entry = (): AuditEntry => ({
    at: number(),
    tenant: text(),
    principal: text(),
    action: text(),
    target: text(),
    requestId: text(),
    outcome: text(),
    detail: text(),
  });
  return Array.from({ length: units }, () => {
    const statements = number();
    const entries = number();
    return { statements: Array.from({ length: statements }, statement), audit: Array.from({ length: entries }, entry) };
  });
}
