import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { filesIn, rejection } from '../../test/support/store-world.ts';
import { systemClock } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { migrateSqlite } from './migrate.ts';
import { allMigrations } from './migrations/all.ts';
import type { Migration } from './migrations/migration.ts';
import { openSqlite } from './sqlite.ts';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5);
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-migrate-'));
  path = join(folder, 'data', 'agent_state.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const latest = allMigrations.at(-1)?.version ?? 0;
const second: Migration = {
  version: latest + 1,
  statements: () => ['ALTER TABLE meta ADD COLUMN note TEXT', `UPDATE meta SET note = 'new'`, 'CREATE TABLE extra (id TEXT PRIMARY KEY)'],
};
const broken: Migration = { version: latest + 1, statements: () => [...second.statements({} as never), 'CREATE TABLE meta (x)'] };

function look(file: string): { version: unknown; columns: number; rows: unknown[] } {
  const database = new DatabaseSync(file, { readOnly: true });
  const columns = database.prepare(`SELECT COUNT(*) AS n FROM pragma_table_info('meta')`).get()?.n as number;
  const version = database.prepare('PRAGMA user_version').get()?.user_version;
  const rows = database
    .prepare('SELECT key FROM meta')
    .all()
    .map((row) => row.key);
  database.close();
  return { version, columns, rows };
}

/** A file as a Holdfast of the present schema left it. */
function oldFile(): void {
  migrateSqlite(path, allMigrations, AT);
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA journal_mode = WAL; INSERT INTO meta (key, value) VALUES ('kept', 'yes')`);
  database.close();
}

test('a new file gets the whole schema and no copy; the next start changes nothing', () => {
  expect(migrateSqlite(path, allMigrations, AT)).toEqual({ from: 0, to: latest });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const before = filesIn(folder);
  expect(migrateSqlite(path, allMigrations, AT)).toEqual({ from: latest, to: latest });
  expect(filesIn(folder)).toEqual(before);
});

test('an upgrade leaves a whole copy from before, for its owner only', () => {
  oldFile();
  const done = migrateSqlite(path, [...allMigrations, second], AT);
  expect(done).toMatchObject({ from: latest, to: latest + 1 });
  expect(look(path)).toEqual({ version: latest + 1, columns: 3, rows: ['kept'] });
  expect(look(done.copy ?? '')).toEqual({ version: latest, columns: 2, rows: ['kept'] });
  expect(statSync(done.copy ?? '').mode & 0o777).toBe(0o600);
  expect(readdirSync(join(folder, 'data', 'backups'))).toEqual([`agent_state-schema-${latest}-2026-01-02T03-04-05-000Z.db`]);
});

test('an upgrade that fails halfway leaves the old schema', () => {
  oldFile();
  expect(() => migrateSqlite(path, [...allMigrations, broken], AT)).toThrow(/already exists/);
  expect(look(path)).toEqual({ version: latest, columns: 2, rows: ['kept'] });
  rmSync(join(folder, 'data', 'backups'), { recursive: true });
  expect(migrateSqlite(path, [...allMigrations, second], AT)).toMatchObject({ to: latest + 1 });
});

test('a process killed at any statement of a migration leaves the old schema or the new one, never one between', {
  timeout: 120_000,
}, () => {
  const script = join(folder, 'migrate.mjs');
  writeFileSync(
    script,
    `import { DatabaseSync } from 'node:sqlite';
     const [, , path, from, killAt] = process.argv;
     const exec = DatabaseSync.prototype.exec;
     let seen = 0;
     DatabaseSync.prototype.exec = function (sql) {
       if (++seen > Number(killAt)) process.kill(process.pid, 'SIGKILL');
       return exec.call(this, sql);
     };
     const { migrateSqlite } = await import(${JSON.stringify(new URL('./migrate.ts', import.meta.url).href)});
     const { allMigrations } = await import(${JSON.stringify(new URL('./migrations/all.ts', import.meta.url).href)});
     const second = { version: ${latest + 1}, statements: () => ${JSON.stringify(second.statements({} as never))} };
     migrateSqlite(path, from === 'new' ? allMigrations : [...allMigrations, second], ${AT});`,
  );
  for (const from of ['new', 'old']) {
    let finished = false;
    for (let killAt = 0; !finished && killAt < 60; killAt += from === 'new' ? 4 : 1) {
      rmSync(join(folder, 'data'), { recursive: true, force: true });
      if (from === 'old') oldFile();
      const child = spawnSync(process.execPath, [script, path, from, String(killAt)], { encoding: 'utf8' });
      finished = child.status === 0;
      expect(finished || child.signal === 'SIGKILL', child.stderr).toBe(true);
      const migrations = from === 'new' ? allMigrations : [...allMigrations, second];
      rmSync(join(folder, 'data', 'backups'), { recursive: true, force: true });
      if (!finished && from === 'old') expect(look(path)).toEqual({ version: latest, columns: 2, rows: ['kept'] });
      expect(migrateSqlite(path, migrations, AT).to).toBe(migrations.at(-1)?.version);
      expect(look(path).version).toBe(migrations.at(-1)?.version);
    }
    expect(finished).toBe(true);
  }
});

test('a newer schema is refused and no byte is written, by the engine and by the store', async () => {
  oldFile();
  migrateSqlite(path, [...allMigrations, second], AT);
  const before = filesIn(folder);
  const database = openSqlite({ path, clock: systemClock, log: silentLogger });
  const refusal = await rejection(database.migrate(() => Promise.reject(new Error('must not be asked'))));
  await database.close();
  expect(refusal).toBeInstanceOf(ConfigError);
  expect(String(refusal)).toMatch(/newer Holdfast/);
  expect((refusal as ConfigError).fix).not.toBe('');
  expect(filesIn(folder)).toEqual(before);
});

test("files that are not ours are refused: another program's database, and what is no database at all", () => {
  mkdirSync(join(folder, 'data'));
  const foreign = new DatabaseSync(path);
  foreign.exec('CREATE TABLE users (id)');
  foreign.close();
  expect(() => migrateSqlite(path, allMigrations, AT)).toThrow(ConfigError);
  writeFileSync(path, 'this is a shopping list, and long enough to be taken for a header of a database by its size alone, is it not?');
  const before = readFileSync(path);
  expect(() => migrateSqlite(path, allMigrations, AT)).toThrow(/not a Holdfast database/);
  expect(readFileSync(path)).toEqual(before);
});

test('a kill in the middle of the first migration, with pages of it in the file already, leaves a home that starts', () => {
  mkdirSync(join(folder, 'data'));
  const dying = `const { DatabaseSync } = await import('node:sqlite');
    const db = new DatabaseSync(process.argv[1]);
    db.exec('PRAGMA cache_size = 1; BEGIN IMMEDIATE; CREATE TABLE meta (key TEXT); CREATE TABLE filler (bytes BLOB)');
    for (let n = 0; n < 200; n += 1) db.prepare('INSERT INTO filler VALUES (zeroblob(20000))').run();
    process.kill(process.pid, 'SIGKILL');`;
  spawnSync(process.execPath, ['--input-type=module', '--eval', dying, path]);
  expect(statSync(`${path}-journal`).size).toBeGreaterThan(0);
  expect(statSync(path).size).toBeGreaterThan(0);
  expect(migrateSqlite(path, allMigrations, AT)).toEqual({ from: 0, to: latest });
});
