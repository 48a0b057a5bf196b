import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AuditEntry } from './audit-entry.ts';
import type { Statement, Unit } from './database.ts';
import { migrateSqlite } from './migrate.ts';
import { allMigrations } from './migrations/all.ts';
import { createSqlNumbers, encodeBatch } from './sqlite-batch.ts';
import { type Committer, createCommitter } from './sqlite-committer.ts';
import { openWriting } from './sqlite-connection.ts';

let folder: string;
let path: string;
let committer: Committer;
/** What the disk does at the next statement of this text: SQLite's extended result code. */
let fault: { sql: string; code: number } | undefined;
let connections: number;
const sql = createSqlNumbers();

/** A real connection over a disk that can fail: a statement fails with what SQLite reports, and SQLite rolls back as it then does. */
function connectOverBadDisk(): DatabaseSync {
  connections += 1;
  const database = openWriting(path);
  const prepare = database.prepare.bind(database);
  database.prepare = (text: string) => {
    const statement = prepare(text);
    const run = statement.run.bind(statement);
    statement.run = ((...values: SQLInputValue[]) => {
      if (fault?.sql !== text) return run(...values);
      const { code } = fault;
      fault = undefined;
      if (database.isTransaction) database.exec('ROLLBACK');
      throw Object.assign(new Error('disk'), { errcode: code });
    }) as typeof statement.run;
    return statement;
  };
  return database;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-committer-'));
  path = join(folder, 'state.db');
  migrateSqlite(path, allMigrations, 0);
  connections = 0;
  fault = undefined;
  sql.numbers.clear();
  committer = createCommitter(connectOverBadDisk);
});
afterEach(() => {
  committer.close();
  rmSync(folder, { recursive: true, force: true });
});

const put = (key: string): Statement => ({ sql: 'INSERT INTO meta (key, value) VALUES (?, ?)', values: [key, 'v'], changes: 1 });
const act = (target: string): AuditEntry => ({
  at: 1,
  tenant: 't',
  principal: 'p',
  action: 'test.act',
  target,
  requestId: 'r',
  outcome: 'ok',
  detail: '',
});
const run = (...units: Unit[]) => committer.run(encodeBatch(units, sql), false);

function stored(): { keys: unknown[]; chain: unknown[] } {
  const database = new DatabaseSync(path, { readOnly: true });
  const keys = database
    .prepare(`SELECT key FROM meta WHERE key <> 'writer' ORDER BY key`)
    .all()
    .map((row) => row.key);
  const chain = database
    .prepare('SELECT seq, target FROM audit ORDER BY seq')
    .all()
    .map((row) => `${row.seq} ${row.target}`);
  database.close();
  return { keys, chain };
}

test('durability is not negotiable: every writing connection runs with synchronous=FULL and a log', () => {
  const database = openWriting(path);
  expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
  expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  expect(database.prepare('PRAGMA secure_delete').get()).toEqual({ secure_delete: 1 });
  database.close();
});

test('a failing commit fails every unit of the batch, and the chain goes on where the data stands', () => {
  run({ statements: [put('writer')] });
  expect(run({ statements: [put('a')], audit: [act('a')] })).toEqual({ refusals: [] });
  fault = { sql: 'COMMIT', code: 13 };
  const failed = run({ statements: [put('b')], audit: [act('b')] }, { statements: [put('c')], audit: [act('c')] });
  expect(failed).toEqual({ failed: { trouble: 'full', code: 13 }, refusals: [] });
  expect(run({ statements: [put('d')], audit: [act('d')] })).toEqual({ refusals: [] });
  expect(stored()).toEqual({ keys: ['a', 'd'], chain: ['1 a', '2 d'] });
});

test('after a failed fsync nothing is written before the file is verified on a new connection', () => {
  run({ statements: [put('a')] });
  fault = { sql: 'COMMIT', code: 1034 }; // SQLITE_IOERR_FSYNC
  expect(run({ statements: [put('b')] })).toEqual({ failed: { trouble: 'io', code: 1034 }, refusals: [] });
  expect(run({ statements: [put('c')] })).toEqual({ failed: { trouble: 'io', code: 0 }, refusals: [] });
  expect(connections).toBe(1);
  expect(committer.mend()).toBeUndefined();
  expect(connections).toBe(2);
  expect(run({ statements: [put('d')] })).toEqual({ refusals: [] });
  expect(stored().keys).toEqual(['a', 'd']);
});

test('a refused unit gives its audit numbers back and its neighbours keep theirs', () => {
  run({ statements: [put('writer')] });
  const reply = run(
    { statements: [put('a')], audit: [act('a')] },
    { statements: [put('b'), put('a')], audit: [act('b')] },
    { statements: [put('c')], audit: [act('c1'), act('c2')] },
    { statements: [put('d'), put('d')] },
    { statements: [put('f')], audit: [act('f1'), { ...act('f2'), at: 0.5 }] },
    { statements: [put('e')], audit: [act('e')] },
  );
  expect(reply.refusals.map(({ unit, statement, trouble }) => [unit, statement, trouble])).toEqual([
    [1, 1, 'refused'],
    [3, 1, 'refused'],
    [4, -1, 'faulty'],
  ]);
  expect(stored()).toEqual({ keys: ['a', 'c', 'e'], chain: ['1 a', '2 c1', '3 c2', '4 e'] });
});
