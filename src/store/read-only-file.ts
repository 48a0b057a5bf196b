// Opens a database file for a look that leaves no trace beside it: no empty log, no index, no journal rolled back.
import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { AppError } from '../base/errors.ts';
import type { Database, Row } from './database.ts';

const BUSY_TIMEOUT_MS = 5_000;
/** A file with a log beside it cannot be read without a trace, so it is copied; a larger one is left alone. */
const COPY_BYTES_MAX = 512 * 1024 * 1024;

export interface FileSizes {
  bytes: number;
  walBytes: number;
  journalBytes: number;
}

export function fileSizes(path: string): FileSizes {
  const size = (suffix: string) => statSync(`${path}${suffix}`, { throwIfNoEntry: false })?.size ?? 0;
  return { bytes: size(''), walBytes: size('-wal'), journalBytes: size('-journal') };
}

export interface Look {
  /** Reads only; `write` and `migrate` reject. */
  db: Database;
  file: DatabaseSync;
  close(): void;
}

/**
 * Undefined when it cannot be looked at without a trace: a large file with a log that a crash left. With a running server its log and index are there
 * already. Throws as `DatabaseSync` does.
 */
export function lookInto(path: string, isServed: boolean): Look | undefined {
  const { bytes, walBytes, journalBytes } = fileSizes(path);
  if (isServed) return lookAt(new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: true }));
  // Nobody writes it and nothing waits to be added: SQLite may take the file for all there is.
  if (walBytes === 0 && journalBytes === 0)
    return lookAt(new DatabaseSync(new URL(`${pathToFileURL(path).href}?immutable=1`), { readOnly: true }));
  if (bytes + walBytes + journalBytes > COPY_BYTES_MAX) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-look-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const copy = join(folder, 'copy.db');
    for (const suffix of ['', '-wal', '-journal'])
      if (statSync(`${path}${suffix}`, { throwIfNoEntry: false })) copyFileSync(`${path}${suffix}`, `${copy}${suffix}`);
    return lookAt(new DatabaseSync(copy), remove);
  } catch (error) {
    remove();
    throw error;
  }
}

function lookAt(file: DatabaseSync, after: () => void = () => undefined): Look {
  const notHere = () => Promise.reject(new AppError('internal'));
  const db: Database = {
    dialect: 'sqlite',
    async read(sql, values = []) {
      try {
        return file.prepare(sql).all(...(values as SQLInputValue[])) as Row[];
      } catch (error) {
        throw new AppError('storage_unavailable', { cause: error });
      }
    },
    write: notHere,
    migrate: notHere,
    health: () => ({ writable: false, queued: 0, walBytes: 0 }),
    close: async () => file.close(),
  };
  return {
    db,
    file,
    close() {
      file.close();
      after();
    },
  };
}
