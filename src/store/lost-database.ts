import { statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { ConfigError } from '../base/errors.ts';

const bytesOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** The database is gone or empty, and what was written to it last is not: SQLite would take this for a new database and throw the log away. */
export const isDatabaseLost = (path: string): boolean => bytesOf(path) === 0 && bytesOf(`${path}-wal`) > 0;

export const lostDatabase = (path: string): { cause: string; fix: string } => ({
  cause: 'The database file is gone or empty, but its write-ahead log is there: this is not a new home.',
  fix: `ls -l '${dirname(path)}'   # put the database back from a backup; to begin anew instead, move all of ${basename(path)}* away`,
});

/** Throws ConfigError before anything is opened, so that nothing is lost by looking. */
export function refuseLostDatabase(path: string): void {
  if (!isDatabaseLost(path)) return;
  const { cause, fix } = lostDatabase(path);
  throw new ConfigError(cause, fix);
}
