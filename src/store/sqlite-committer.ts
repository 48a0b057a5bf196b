// The writing side of SQLite: many units in one durable transaction. Runs in the writer thread; knows nothing of threads.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type AuditChain, type ChainSql, createAuditChain } from './audit-chain.ts';
import { type Batch, decodeBatch, type PlainUnit } from './sqlite-batch.ts';
import { concernsUnitOnly, resultCode, type Trouble, troubleOf } from './sqlite-trouble.ts';

export interface Failure {
  trouble: Trouble;
  /** SQLite's extended result code, 0 when the error is not SQLite's. */
  code: number;
}
/** Why one unit was left out: the statement that refused, -1 when it was the audit row. */
export interface Refusal {
  unit: number;
  statement: number;
  trouble: 'refused' | 'faulty';
  code: number;
}
export interface BatchReply {
  /** Nothing of the batch was made durable. */
  failed?: Failure;
  refusals: Refusal[];
  /** Committed, but the log could not be emptied of older copies. */
  unscrubbed?: true;
}

export interface Committer {
  /** Must not throw. */
  run(batch: Batch, scrub: boolean): BatchReply;
  /** Makes sure that the file is whole and takes writes; a lost connection is opened again. Must not throw. */
  mend(): Failure | undefined;
  /** Empties the log into the file. Idempotent. */
  close(): void;
}

interface Connection {
  database: DatabaseSync;
  begin: StatementSync;
  commit: StatementSync;
  rollback: StatementSync;
  save: StatementSync;
  release: StatementSync;
  undo: StatementSync;
  /** Prepared statements by the number of their SQL text. */
  byNumber: (StatementSync | undefined)[];
  sqlTexts: readonly string[];
  chain: AuditChain;
  /** Changes when another connection has committed. */
  dataVersion: StatementSync;
  seenVersion: unknown;
}

/** `connect` opens the writing connection; it is called again after an I/O error closed the last one. */
export function createCommitter(connect: () => DatabaseSync): Committer {
  const sqlTexts: string[] = [];
  let connection: Connection | undefined;
  /** After an I/O error nothing is written before the file has been verified. */
  let unverified = false;
  /** After a damaged audit chain nothing is written before its head has been read. */
  let unchained = false;

  const open = (): Connection => (connection ??= connected(connect(), sqlTexts));

  function abandon(error: unknown): Failure {
    const trouble = troubleOf(error);
    rollBack(connection);
    if (trouble === 'audit chain damaged') unchained = true;
    if (trouble === 'io') {
      unverified = true;
      disconnect();
    }
    return { trouble, code: resultCode(error) };
  }

  function disconnect(): void {
    const old = connection;
    connection = undefined;
    try {
      old?.database.close();
    } catch {
      // The connection is given up because of an I/O error; the next one reads what the disk has.
    }
  }

  return {
    run(batch, scrub) {
      sqlTexts.push(...batch.newSql);
      try {
        if (unverified) return { failed: { trouble: 'io', code: 0 }, refusals: [] };
        const on = open();
        // On a full disk the ballast has just made room to empty the log, and emptying it makes room for the erasure.
        if (scrub) emptied(on.database);
        const refusals = write(on, decodeBatch(batch));
        return scrub && !emptied(on.database) ? { refusals, unscrubbed: true } : { refusals };
      } catch (error) {
        return { failed: abandon(error), refusals: [] };
      }
    },
    mend() {
      try {
        const { database, chain } = open();
        emptyLog(database);
        if (unverified) verify(database);
        probe(database);
        unverified = false;
        if (unchained) chain.check();
        unchained = false;
        return undefined;
      } catch (error) {
        return abandon(error);
      }
    },
    close() {
      if (connection && !unverified) emptied(connection.database);
      disconnect();
    },
  };
}

function runUnit(on: Connection, unit: PlainUnit): Refusal | undefined {
  let at = 0;
  try {
    for (const { sql, changes, values } of unit.statements) {
      let statement = on.byNumber[sql];
      if (!statement) {
        statement = on.database.prepare(on.sqlTexts[sql] ?? '');
        on.byNumber[sql] = statement;
      }
      const done = statement.run(...values);
      if (changes !== undefined && done.changes !== changes) return { unit: 0, statement: at, trouble: 'refused', code: 0 };
      at += 1;
    }
    at = -1;
    for (const entry of unit.audit) on.chain.append(entry);
    return undefined;
  } catch (error) {
    const trouble = troubleOf(error);
    if (!concernsUnitOnly(trouble)) throw error;
    return { unit: 0, statement: at, trouble, code: resultCode(error) };
  }
}

/** One transaction over all units. Without savepoints a refusal leaves traces of its unit: the caller then rolls everything back. */
function attempt(on: Connection, units: readonly PlainUnit[], savepoints: boolean): Refusal[] {
  const refusals: Refusal[] = [];
  on.begin.run();
  noticeOthers(on);
  for (const [index, unit] of units.entries()) {
    const head = on.chain.head();
    if (savepoints) on.save.run();
    const refusal = runUnit(on, unit);
    if (refusal) refusals.push({ ...refusal, unit: index });
    if (refusal && !savepoints) return refusals;
    if (refusal) {
      on.undo.run();
      on.chain.restore(head);
    }
    if (savepoints) on.release.run();
  }
  on.commit.run();
  return refusals;
}

/** Another connection that wrote (a second process on the file) may have moved the chain on. */
function noticeOthers(on: Connection): void {
  const version = on.dataVersion.get()?.data_version;
  if (version !== on.seenVersion) on.chain.restore(undefined);
  on.seenVersion = version;
}

function write(on: Connection, units: readonly PlainUnit[]): Refusal[] {
  // Nearly every batch has nothing to refuse, and savepoints cost a twentieth of all the writer does: they come when they are needed.
  const refusals = attempt(on, units, false);
  if (refusals.length === 0) return refusals;
  on.rollback.run();
  on.chain.restore(undefined);
  return attempt(on, units, true);
}

function connected(database: DatabaseSync, sqlTexts: readonly string[]): Connection {
  const cached = new Map<string, StatementSync>();
  const prepared = (sql: string): StatementSync => {
    const statement = cached.get(sql) ?? database.prepare(sql);
    cached.set(sql, statement);
    return statement;
  };
  const sql: ChainSql = {
    get: (text, values) => prepared(text).get(...values) as ReturnType<ChainSql['get']>,
    run: (text, values) => void prepared(text).run(...values),
  };
  return {
    database,
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    rollback: database.prepare('ROLLBACK'),
    save: database.prepare('SAVEPOINT unit'),
    release: database.prepare('RELEASE unit'),
    undo: database.prepare('ROLLBACK TO unit'),
    byNumber: [],
    sqlTexts,
    chain: createAuditChain(sql),
    dataVersion: database.prepare('PRAGMA data_version'),
    seenVersion: undefined,
  };
}

/** Whatever failed, the next batch starts outside a transaction and with the chain's head read anew. */
function rollBack(connection: Connection | undefined): void {
  if (!connection) return;
  connection.chain.restore(undefined);
  try {
    if (connection.database.isTransaction) connection.database.exec('ROLLBACK');
  } catch {
    // SQLite rolled back by itself, or the connection is about to be closed.
  }
}

/** Copies the log into the file and cuts it to nothing. False when somebody was reading from it. */
function emptyLog(database: DatabaseSync): boolean {
  return database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.busy === 0;
}

/** The same where the data is safe already: what stays in the log is read from there. */
function emptied(database: DatabaseSync): boolean {
  try {
    return emptyLog(database);
  } catch {
    return false;
  }
}

function verify(database: DatabaseSync): void {
  const found = database.prepare('PRAGMA quick_check(1)').get();
  if (found?.quick_check !== 'ok') throw Object.assign(new Error('the file is damaged'), { errcode: 11 });
}

/** Writes the header page as it is: a real, durable commit that changes nothing. */
function probe(database: DatabaseSync): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
  database.exec(`BEGIN IMMEDIATE; PRAGMA user_version = ${version}; COMMIT`);
}
