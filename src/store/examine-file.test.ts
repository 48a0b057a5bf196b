import { createSecretKey, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { snapshotOf } from '../../test/support/doctor-world.ts';
import { admin, createStoreWorld, exchange, type StoreWorld } from '../../test/support/store-world.ts';
import { systemClock } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { CHECKS, type CheckId, type Finding } from '../contract/finding.ts';
import { examineFile, type FileQuestion } from './examine-file.ts';
import { acquireHomeLock, isHomeLocked } from './home-lock.ts';
import { refuseLostDatabase } from './lost-database.ts';
import { allMigrations } from './migrations/all.ts';
import { lookInto } from './read-only-file.ts';
import { openSqlite } from './sqlite.ts';

let world: StoreWorld;
beforeEach(() => {
  world = createStoreWorld();
});
afterEach(() => world.end());

async function filled(sessions = 3): Promise<string[]> {
  const store = await world.store();
  const ids: string[] = [];
  for (let n = 0; n < sessions; n += 1) {
    const id = world.ids.make('ses');
    await store.sessions.create({ id, principal: admin, requestId: 'r', title: 'a title' });
    for (const text of ['one', 'two']) await exchange(store, world.ids, id, { question: text, answer: text });
    ids.push(id);
  }
  await store.close();
  return ids;
}

const examine = (more: Partial<FileQuestion> = {}): Promise<Finding[]> =>
  examineFile({
    path: world.path,
    isServed: false,
    tenant: 'default',
    clock: systemClock,
    keys: [{ source: 'the key', key: world.masterKey }],
    ...more,
  });
const severities = (findings: Finding[]) => Object.fromEntries(findings.map(({ id, severity }) => [id, severity]));
const of = (findings: Finding[], id: CheckId) => findings.find((each) => each.id === id);

function tamper(sql: string): void {
  const database = new DatabaseSync(world.path);
  database.exec(sql);
  database.close();
}

const WELL = { wal: 'ok', schema: 'ok', database: 'ok', master_key: 'ok', records: 'ok', audit: 'ok', clock: 'ok' };

test('whole data is found whole, and nothing lies beside it that did not before', async () => {
  await filled();
  const before = snapshotOf(world.folder);
  const findings = await examine();
  expect(severities(findings)).toEqual(WELL);
  expect(of(findings, 'records')?.cause).toBe('12 messages and 6 turns of all 3 sessions open.');
  expect(snapshotOf(world.folder)).toEqual(before);
  expect(
    await examineFile({ path: `${world.path}-nowhere`, isServed: false, tenant: 'default', clock: systemClock, keys: [] }),
  ).toMatchObject([{ severity: 'ok' }]);
});

test.each<[string, string, string]>([
  ['a message', 'messages.content_sealed', `UPDATE messages SET content_sealed = zeroblob(80) WHERE seq = 4096`],
  ['a title', 'sessions.title_sealed', 'UPDATE sessions SET title_sealed = zeroblob(80)'],
  ['options', 'turns.options_sealed', 'UPDATE turns SET options_sealed = zeroblob(80) WHERE no = 1'],
  ['a step', 'steps.detail_sealed', 'UPDATE steps SET detail_sealed = zeroblob(80) WHERE no = 0'],
  ['a session key', 'session_keys.wrapped', 'UPDATE session_keys SET wrapped = zeroblob(80)'],
  ['a key that is gone', 'session_keys', 'DELETE FROM session_keys'],
  ['a role', 'messages', `UPDATE messages SET role = 'user' WHERE role = 'assistant'`],
  ['a time', 'turns', 'UPDATE turns SET created_at = 9000000000000000 WHERE no = 2'],
])('%s that was changed is found', async (_, __, sql) => {
  const [id] = await filled(1);
  tamper(sql);
  const findings = await examine();
  expect(severities(findings)).toMatchObject({ ...WELL, records: 'error' });
  expect(of(findings, 'records')?.cause).toContain(id);
  expect(of(findings, 'records')?.fix).toContain(`holdfast sessions show ${id} `);
});

test('only one of several candidate keys needs to open it, and it is named', async () => {
  await filled(1);
  const other = { source: 'the environment', key: createSecretKey(randomBytes(32)) };
  const broken = { source: 'the environment', key: new ConfigError('The master key cannot be used: it is empty.', 'x') };
  const right = { source: 'the file', key: world.masterKey };
  for (const first of [other, broken]) {
    expect(severities(await examine({ keys: [first] }))).toMatchObject({ master_key: 'error', audit: 'ok', database: 'ok' });
    expect(of(await examine({ keys: [first, right] }), 'master_key')?.cause).toBe(
      'the environment does not open the data, but the file does.',
    );
  }
  expect(of(await examine({ keys: [] }), 'master_key')?.cause).toContain('no master key');
});

test('data of an older schema is no error, data of a newer one is; a start agrees', async () => {
  await filled(1);
  const known = allMigrations.at(-1)?.version ?? 0;
  const next = { version: known + 1, statements: () => ['CREATE TABLE later (id TEXT NOT NULL PRIMARY KEY) STRICT'] };
  const older = of(await examine({ migrations: [...allMigrations, next] }), 'schema');
  expect(older).toMatchObject({
    severity: 'warning',
    fix: 'holdfast start',
    cause: expect.stringContaining(`schema ${known}, and this program knows ${known + 1}`),
  });
  const database = openSqlite({ path: world.path, clock: systemClock, log: silentLogger, migrations: [...allMigrations, next] });
  expect(await database.migrate()).toMatchObject({ from: known, to: known + 1 });
  await database.close();
  expect(of(await examine(), 'schema')).toMatchObject({ severity: 'error', fix: expect.stringContaining('backups') });
});

test('pages that are not what they should be are found, at every place, and never thrown', async () => {
  await filled(4);
  const whole = readFileSync(world.path);
  for (let page = 1; page < whole.length / 4096; page += 1) {
    const bytes = Buffer.from(whole);
    bytes.fill(0x5a, page * 4096, (page + 1) * 4096);
    writeFileSync(world.path, bytes);
    const findings = await examine();
    expect(
      findings.some(({ severity }) => severity === 'error'),
      `page ${page}`,
    ).toBe(true);
    for (const { id, fix, severity } of findings) {
      expect(Object.keys(CHECKS)).toContain(id);
      if (severity === 'error') expect(fix).not.toBeNull();
    }
  }
});

test('a log that a crash left is looked at in a copy, which is gone afterwards', async () => {
  await filled(1);
  const database = new DatabaseSync(world.path);
  database.exec("PRAGMA journal_mode = WAL; UPDATE audit SET principal = 'x' WHERE seq = 2");
  const [wal, whole] = [readFileSync(`${world.path}-wal`), readFileSync(world.path)];
  database.close();
  writeFileSync(world.path, whole);
  writeFileSync(`${world.path}-wal`, wal);
  const before = snapshotOf(world.folder);
  const findings = await examine();
  // The change is in the log only.
  expect(severities(findings)).toEqual({ ...WELL, wal: 'info', audit: 'error' });
  expect(snapshotOf(world.folder)).toEqual(before);
  expect(existsSync(`${world.path}-shm`)).toBe(false);
});

test('with a server it is read beside it, and keys and records are the server’s to tell', async () => {
  const store = await world.store();
  await store.sessions.create({ id: world.ids.make('ses'), principal: admin, requestId: 'r', title: 't' });
  expect(severities(await examine({ isServed: true }))).toEqual({ wal: 'ok', schema: 'ok', database: 'ok', audit: 'ok', clock: 'ok' });
  expect(await store.examine(1_000)).toMatchObject([
    { id: 'records', severity: 'ok' },
    { id: 'audit', severity: 'ok' },
  ]);
  expect(await store.newestAt()).toBeGreaterThan(Date.now() - 60_000);
});

test('a look of no time says how little it saw', async () => {
  await filled(2);
  const store = await world.store();
  const [records] = await store.examine(0);
  expect(records?.cause).toBe('0 messages and 0 turns of the newest 0 sessions open. Older ones were not looked at: there was no time.');
});

test('what was opened for a look cannot write', async () => {
  await filled(1);
  const look = lookInto(world.path, false);
  expect(() => look?.file.exec('DELETE FROM audit')).toThrow(/readonly/);
  look?.close();
});

test('whether a home is held can be told without holding it or making anything', () => {
  const path = join(world.folder, 'run', 'lock.db');
  expect(isHomeLocked(path)).toBe(false);
  expect(existsSync(path)).toBe(false);
  const lock = acquireHomeLock(path);
  expect(isHomeLocked(path)).toBe(true);
  lock?.release();
  expect(isHomeLocked(path)).toBe(false);
});

test('a database that is gone while its log is there is an error, and no start takes it for a new one', async () => {
  await filled(1);
  writeFileSync(`${world.path}-wal`, 'what was written last');
  expect(() => refuseLostDatabase(world.path)).not.toThrow();
  writeFileSync(world.path, '');
  expect(await examine()).toMatchObject([{ id: 'database', severity: 'error', cause: expect.stringContaining('write-ahead log') }]);
  expect(() => refuseLostDatabase(world.path)).toThrow(ConfigError);
});
