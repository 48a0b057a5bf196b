import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rejection } from '../../test/support/store-world.ts';
import { systemClock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { type Database, type Statement, UnitRefused } from './database.ts';
import type { Migration } from './migrations/migration.ts';
import { openSqlite, type SqliteParts } from './sqlite.ts';

let folder: string;
let path: string;
const open: Database[] = [];

/** A schema of its own: the engine knows nothing of ours. */
const testSchema: Migration = {
  version: 1,
  statements: () => [
    'CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT',
    'CREATE TABLE things (id TEXT NOT NULL PRIMARY KEY, n INTEGER NOT NULL, body BLOB) STRICT',
  ],
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-sqlite-'));
  path = join(folder, 'data', 'agent_state.db');
});
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
  rmSync(folder, { recursive: true, force: true });
});

async function opened(more: Partial<SqliteParts> = {}): Promise<Database> {
  const database = openSqlite({ path, clock: systemClock, log: silentLogger, migrations: [testSchema], ...more });
  open.push(database);
  await database.migrate();
  return database;
}

const INSERT = 'INSERT INTO things (id, n, body) VALUES (?, ?, ?)';
const insert = (id: string, n = 1, body: Uint8Array | null = null): Statement => ({
  sql: INSERT,
  values: [id, n, body],
  changes: 1,
  guard: 'new',
});
const idsOf = async (database: Database) => (await database.read('SELECT id FROM things ORDER BY id')).map((row) => row.id);
const codeOf = (error: unknown) =>
  error instanceof AppError ? error.code : error instanceof UnitRefused ? `refused ${error.guard}` : String(error);

test('values come back as they were written, blobs out of a shared pool included', async () => {
  const database = await opened();
  const pooled = Buffer.from('some bytes in the middle of a slab');
  await database.write({
    statements: [insert('é\u0000🦊', 2 ** 40, pooled), insert('empty', -1, new Uint8Array(0)), insert('none', 0, null)],
  });
  const rows = await database.read('SELECT id, n, body FROM things ORDER BY n');
  expect(rows.map((row) => [row.id, row.n, row.body === null ? null : Buffer.from(row.body as Uint8Array).toString()])).toEqual([
    ['empty', -1, ''],
    ['none', 0, null],
    ['é\u0000🦊', 2 ** 40, pooled.toString()],
  ]);
});

test('units written together share a commit, and one that is refused leaves its neighbours', async () => {
  const database = await opened();
  await database.write({ statements: [insert('taken')] });
  const results = await Promise.allSettled([
    database.write({ statements: [insert('a')] }),
    database.write({ statements: [insert('b'), insert('taken')] }),
    database.write({
      statements: [insert('c'), { sql: 'UPDATE things SET n = 9 WHERE id = ?', values: ['absent'], changes: 1, guard: 'there' }],
    }),
    database.write({ statements: [insert('d'), { sql: 'INSERT INTO nowhere VALUES (1)', values: [] }] }),
    database.write({ statements: [insert('e')] }),
  ]);
  expect(results.map((result) => (result.status === 'fulfilled' ? 'ok' : codeOf(result.reason)))).toEqual([
    'ok',
    'refused new',
    'refused there',
    'internal',
    'ok',
  ]);
  expect(await idsOf(database)).toEqual(['a', 'e', 'taken']);
  expect(database.health()).toMatchObject({ writable: true, queued: 0 });
});

test('what is acknowledged is seen by the next read, and close waits for what is queued', async () => {
  const database = await opened();
  await database.write({ statements: [insert('a')] });
  expect(await idsOf(database)).toEqual(['a']);
  const late = Array.from({ length: 700 }, (_, n) => database.write({ statements: [insert(`late${String(n).padStart(4, '0')}`)] }));
  await Promise.all([database.close(), database.close()]);
  await Promise.all(late);
  expect(codeOf(await rejection(database.write({ statements: [insert('too late')] })))).toBe('storage_unavailable');
  expect(codeOf(await rejection(database.read('SELECT 1')))).toBe('storage_unavailable');
  const again = await opened();
  expect(await idsOf(again)).toHaveLength(701);
});

test('files are for their owner only, and closing leaves no log behind', async () => {
  const database = await opened();
  await database.write({ statements: [insert('a', 1, Buffer.alloc(100_000, 7))] });
  const mode = (name: string) => (statSync(join(folder, 'data', name)).mode & 0o777).toString(8);
  expect(['agent_state.db', 'agent_state.db-wal', 'agent_state.db-shm'].map(mode)).toEqual(['600', '600', '600']);
  expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700);
  expect(database.health().walBytes).toBeGreaterThan(100_000);
  await database.close();
  expect(statSync(`${path}-wal`, { throwIfNoEntry: false })).toBeUndefined();
  expect(mode('ballast')).toBe('600');
});

test('more units than may wait are refused at once', async () => {
  const database = await opened({ maxQueued: 10 });
  const results = await Promise.allSettled(Array.from({ length: 12 }, (_, n) => database.write({ statements: [insert(`u${n}`)] })));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
  expect(results.slice(10).map((result) => result.status === 'rejected' && codeOf(result.reason))).toEqual([
    'storage_unavailable',
    'storage_unavailable',
  ]);
});

test('a writer thread that dies is replaced; until then writing is refused and reading goes on', async () => {
  const marker = join(folder, 'died');
  const writer = join(folder, 'writer.mjs');
  const real = new URL('./sqlite-writer.ts', import.meta.url).href;
  writeFileSync(
    writer,
    `import { existsSync, writeFileSync } from 'node:fs';
     import { parentPort } from 'node:worker_threads';
     if (existsSync(${JSON.stringify(marker)})) await import(${JSON.stringify(real)});
     else parentPort.on('message', () => { writeFileSync(${JSON.stringify(marker)}, ''); process.exit(1); });`,
  );
  const database = await opened({ writer: new URL(`file://${writer}`) });
  const lost = await Promise.allSettled([database.write({ statements: [insert('a')] }), database.write({ statements: [insert('b')] })]);
  expect(lost.map((result) => result.status === 'rejected' && codeOf(result.reason))).toEqual([
    'storage_unavailable',
    'storage_unavailable',
  ]);
  expect(database.health()).toMatchObject({ writable: false, reason: 'dead' });
  expect(codeOf(await rejection(database.write({ statements: [insert('c')] })))).toBe('storage_unavailable');
  expect(await idsOf(database)).toEqual([]);
  await expect.poll(() => database.health().writable, { timeout: 10_000 }).toBe(true);
  await database.write({ statements: [insert('d')] });
  expect(await idsOf(database)).toEqual(['d']);
});

test('deleted content is zeroed in the file and gone from the log', async () => {
  const database = await opened();
  const secret = Buffer.from('a-secret-that-must-go');
  await database.write({ statements: [insert('a', 1, Buffer.concat(Array.from({ length: 400 }, () => secret)))] });
  await database.write({ statements: [{ sql: 'DELETE FROM things WHERE id = ?', values: ['a'], changes: 1 }], scrub: true });
  expect(readFileSync(path).includes(secret)).toBe(false);
  expect(readFileSync(`${path}-wal`).length).toBe(0);
});
