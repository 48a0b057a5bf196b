// The verifier on a file of its own accord, without a store, a key or a server.
import { statSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { ConfigError } from '../base/errors.ts';
import type { AuditHead, AuditVerification } from '../contract/audit.ts';
import { verifyAudit } from './verify-audit.ts';

const BUSY_TIMEOUT_MS = 5_000;

/**
 * Only reads; a server may run meanwhile. Without one SQLite leaves an empty -wal and a -shm beside the file, as after every last reader of a log;
 * removing them could hit a server that starts at that moment. Throws ConfigError when there is nothing that could be opened.
 */
export async function verifyAuditFile(path: string, heads: readonly AuditHead[] = []): Promise<AuditVerification> {
  if (!statSync(path, { throwIfNoEntry: false })?.size)
    throw new ConfigError('There is no data here yet.', 'holdfast start', { exitCode: 1 });
  const database = openFile(path);
  try {
    return await verifyAudit(async (sql, values) => database.prepare(sql).all(...(values as SQLInputValue[])), heads);
  } finally {
    database.close();
  }
}

function openFile(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: true });
  } catch (error) {
    throw new ConfigError('The database cannot be opened.', 'put the data folder of a backup back', { cause: error, exitCode: 1 });
  }
}
