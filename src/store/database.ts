import type { AuditEntry } from './audit-entry.ts';

export type Value = string | number | null | Uint8Array;
export type Row = Record<string, Value>;

/**
 * One prepared statement of a unit. SQL is a constant of the module that owns it, written so that SQLite and PostgreSQL both take it
 * (`?` placeholders; the PostgreSQL driver numbers them). `changes` is the number of rows it must touch, else the whole unit fails with
 * `UnitRefused`: the guard for lease epochs, states and idempotency.
 */
export interface Statement {
  sql: string;
  values: Value[];
  changes?: number;
  /** What a wrong count or a broken uniqueness means; handed back in `UnitRefused`. */
  guard?: string;
}

/** Statements that take effect together or not at all, with the audit rows of the same act. A value, so it can cross to a writer thread. */
export interface Unit {
  statements: Statement[];
  audit?: AuditEntry[];
  /**
   * Set by erasure: the unit is tried even when a full disk refuses other writes, and `write` resolves only after older copies of the pages
   * it changed are gone from the engine's own files (SQLite: the write-ahead log is emptied).
   */
  scrub?: boolean;
}

/** A unit that the data itself refused (a guard failed): nothing of it was written, its neighbours were. */
export class UnitRefused extends Error {
  override readonly name = 'UnitRefused';
  readonly guard: string;
  constructor(guard: string) {
    super(`unit refused: ${guard}`);
    this.guard = guard;
  }
}

/**
 * The only thing a dialect implements. Units are grouped: each runs in its own savepoint, so one that fails leaves its neighbours
 * committed; a failed COMMIT fails all of them. `write` resolves only after the commit is durable (fsynced).
 */
export interface Database {
  readonly dialect: 'sqlite' | 'postgres';
  /** Rows of committed data. Rejects with AppError `storage_unavailable` when the store cannot be read. */
  read(sql: string, values?: Value[]): Promise<Row[]>;
  /** Rejects with UnitRefused, or AppError `storage_unavailable` when nothing was (knowingly) made durable. */
  write(unit: Unit): Promise<void>;
  /**
   * Brings the schema to this program's version, keeping a copy from before. Refuses a newer schema with ConfigError. When there is data,
   * `before` runs ahead of the first byte written and may refuse by throwing (a wrong key must not migrate anything). Idempotent.
   */
  migrate(before?: () => Promise<void>): Promise<{ from: number; to: number; copy?: string }>;
  /** What the writer knows of itself, for health. */
  health(): { writable: boolean; reason?: string; queued: number; walBytes: number };
  /** Waits for units under way, checkpoints, closes. Idempotent. */
  close(): Promise<void>;
}
