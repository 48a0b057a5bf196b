// Connections of node:sqlite as this store uses them.
import { DatabaseSync, type StatementSync } from 'node:sqlite';

const BUSY_TIMEOUT_MS = 5_000;
/** 8 MiB of log before it is copied into the file: fewer and larger copies than SQLite's 4 MiB, and no more than the ballast makes room for. */
const CHECKPOINT_PAGES = 2_000;
const WAL_KEPT_BYTES = 8 * 1024 * 1024;
const WRITER_CACHE_KIB = 8_192;
const READER_CACHE_KIB = 4_096;
/** SQL texts are constants of our modules; the bound is for a defect. */
const STATEMENTS_MAX = 400;

/**
 * The writing connection. `synchronous=FULL` is the promise itself: with NORMAL a power cut takes acknowledged commits. `secure_delete` zeroes what is deleted,
 * so that erasing a session leaves nothing in free pages; `temp_store=MEMORY` keeps statement journals off the disk for the same reason.
 */
export function openWriting(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: false });
  try {
    database.exec(
      `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;
       PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}; PRAGMA cache_size = -${WRITER_CACHE_KIB};`,
    );
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** A connection that cannot write. */
export function openReading(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: true });
  try {
    database.exec(`PRAGMA cache_size = -${READER_CACHE_KIB}`);
    return database;
  } catch (error) {
    // Left open, it would keep the log from being tidied away.
    database.close();
    throw error;
  }
}

/** Prepares each SQL text once. */
export function createStatements(database: DatabaseSync): (sql: string) => StatementSync {
  const prepared = new Map<string, StatementSync>();
  return (sql) => {
    let statement = prepared.get(sql);
    if (!statement) {
      if (prepared.size >= STATEMENTS_MAX) prepared.clear();
      statement = database.prepare(sql);
      prepared.set(sql, statement);
    }
    return statement;
  };
}
