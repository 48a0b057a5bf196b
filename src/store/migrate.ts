// Brings a SQLite file to this program's schema, all or nothing, with a copy from before.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ConfigError } from '../base/errors.ts';
import { type Migration, sqliteDialect } from './migrations/migration.ts';

/** `PRAGMA application_id` of our files: "Hold" in ASCII. */
const APPLICATION_ID = 0x486f6c64;
// https://www.sqlite.org/fileformat.html#the_database_header
const MAGIC = 'SQLite format 3\0';
const USER_VERSION_AT = 60;
const APPLICATION_ID_AT = 68;
const HEADER_BYTES = 100;

export interface Migrated {
  from: number;
  to: number;
  copy?: string;
}

/** What the data speaks now, 0 for none. Throws as `migrateSqlite` does; only reads. */
export function schemaOf(path: string, migrations: readonly Migration[]): number {
  const known = migrations.at(-1)?.version ?? 0;
  rollBackJournal(path);
  if (!hasContent(path)) return 0;
  const header = readHeader(path);
  refuseStranger(path, header);
  refuseNewer(header.version, known);
  // The header may be behind a log that a crash left; what a reader sees is the truth.
  const version = withDatabase(path, true, schemaVersion);
  refuseNewer(version, known);
  return version;
}

/** The same from the file's first page alone, for a look that must not even open it: `undefined` where there is nothing yet. */
export function peekSchema(path: string, migrations: readonly Migration[]): { version: number; known: number } | undefined {
  const known = migrations.at(-1)?.version ?? 0;
  if (!hasContent(path)) return undefined;
  const header = readHeader(path);
  refuseStranger(path, header);
  return { version: header.version, known };
}

/**
 * Throws ConfigError for a schema newer than `migrations` and for a file that is not ours; neither is written to, not even by a change of
 * journal mode. A file that needs nothing is only read. A new file and its folder are readable by the owner only.
 */
export function migrateSqlite(path: string, migrations: readonly Migration[], at: number): Migrated {
  const from = schemaOf(path, migrations);
  const to = migrations.at(-1)?.version ?? 0;
  if (from === to) return { from, to };
  if (from === 0) {
    createFile(path);
    apply(path, migrations, from, to);
    return { from, to };
  }
  const copy = copyFrom(path, from, at);
  apply(path, migrations, from, to);
  return { from, to, copy };
}

/** A kill in the middle of the first migration leaves a journal that only a writer may roll back; until then no reader can open the file. */
function rollBackJournal(path: string): void {
  if (!hasContent(path) || !hasContent(`${path}-journal`)) return;
  const { magic } = readHeader(path);
  if (magic !== MAGIC && magic !== '\0'.repeat(MAGIC.length)) return;
  withDatabase(path, false, (database) => database.prepare('SELECT COUNT(*) FROM sqlite_schema').get());
}

function hasContent(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && found.size > 0;
}

/** The folder entry is made durable too: a power cut must not take the whole file with what is in it. */
function createFile(path: string): void {
  const folder = dirname(path);
  const made = mkdirSync(folder, { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
  for (const each of made ? [folder, dirname(folder)] : [folder]) {
    const opened = openSync(each, 'r');
    fsyncSync(opened);
    closeSync(opened);
  }
}

interface Header {
  magic: string;
  version: number;
  applicationId: number;
}

function readHeader(path: string): Header {
  const bytes = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, 'r');
  readSync(file, bytes, 0, HEADER_BYTES, 0);
  closeSync(file);
  return {
    magic: bytes.toString('latin1', 0, MAGIC.length),
    version: bytes.readUInt32BE(USER_VERSION_AT),
    applicationId: bytes.readUInt32BE(APPLICATION_ID_AT),
  };
}

function refuseStranger(path: string, header: Header): void {
  if (header.magic === MAGIC && (header.applicationId === APPLICATION_ID || header.version === 0)) return;
  throw new ConfigError(
    `${basename(path)} is not a Holdfast database, or its first page is damaged. Nothing was written.`,
    'Move it away or restore it from a backup, then: holdfast start',
  );
}

function refuseNewer(found: number, known: number): void {
  if (found <= known) return;
  throw new ConfigError(
    `This data was written by a newer Holdfast (schema ${found}; this one knows ${known}). Nothing was written.`,
    'Install the newer Holdfast again, or restore the copy in data/backups made before its migration',
  );
}

function withDatabase<T>(path: string, readOnly: boolean, use: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path, { readOnly, enableForeignKeyConstraints: false });
  try {
    return use(database);
  } finally {
    database.close();
  }
}

function schemaVersion(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
}

/** All steps in one transaction: after a crash the schema is the old or the new one, never one between. */
function apply(path: string, migrations: readonly Migration[], from: number, to: number): void {
  withDatabase(path, false, (database) => {
    database.exec('PRAGMA synchronous = FULL; BEGIN IMMEDIATE');
    try {
      if (from === 0) refuseForeignTables(path, database);
      for (const { version, statements } of migrations) {
        if (version > from) for (const statement of statements(sqliteDialect)) database.exec(statement);
      }
      database.exec(`PRAGMA user_version = ${to}; PRAGMA application_id = ${APPLICATION_ID}; COMMIT`);
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  });
}

function refuseForeignTables(path: string, database: DatabaseSync): void {
  const tables = Number(database.prepare('SELECT COUNT(*) AS n FROM sqlite_schema').get()?.n ?? 0);
  if (tables > 0) refuseStranger(path, { magic: '', version: 0, applicationId: 0 });
}

/** A whole copy in one file, checked before anything is changed. Returns its path. */
function copyFrom(path: string, version: number, at: number): string {
  const folder = join(dirname(path), 'backups');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stamp = new Date(at).toISOString().replace(/[:.]/g, '-');
  const name = `${basename(path, extname(path))}-schema-${version}-${stamp}.db`;
  const copy = join(folder, name);
  if (existsSync(copy)) throw new ConfigError(`The copy ${name} exists already.`, `Move data/backups/${name} away, then: holdfast start`);
  // Under its name only when it is whole: a torn one must not look like something to go back to.
  const torn = join(folder, 'unfinished.tmp');
  for (const left of [torn, `${torn}-journal`]) rmSync(left, { force: true });
  closeSync(openSync(torn, 'wx', 0o600)); // VACUUM INTO takes an empty file, and keeps its mode
  withDatabase(path, true, (database) => database.prepare('VACUUM INTO ?').run(torn));
  withDatabase(torn, true, (database) => {
    const whole = database.prepare('PRAGMA quick_check(1)').get()?.quick_check === 'ok';
    if (!whole || schemaVersion(database) !== version) throw new Error('the copy from before the migration is not whole');
  });
  renameSync(torn, copy);
  for (const each of [copy, folder]) {
    const file = openSync(each, 'r');
    fsyncSync(file);
    closeSync(file);
  }
  return copy;
}
