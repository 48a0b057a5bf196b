// The one truth about who runs on a home folder: a lock of the kernel, which is gone the moment its process is.
import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { resultCode } from './sqlite-trouble.ts';

const BUSY = 5;

/** Undefined when another process (or another lock of this one) holds it. Throws only when the folder cannot be used at all. */
export function acquireHomeLock(path: string): { release(): void } | undefined {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if ((resultCode(error) & 0xff) === BUSY) return undefined;
    throw error;
  }
  let held = true;
  return {
    release() {
      if (!held) return;
      held = false;
      database.close(); // ends the transaction, which wrote nothing
    },
  };
}

/** Whether somebody holds it now, told without changing anything. */
export function isHomeLocked(path: string): boolean {
  if (!existsSync(path)) return false;
  const database = new DatabaseSync(path, { timeout: 0, readOnly: true });
  try {
    database.prepare('SELECT COUNT(*) FROM sqlite_schema').get();
    return false;
  } catch (error) {
    return (resultCode(error) & 0xff) === BUSY;
  } finally {
    database.close();
  }
}
