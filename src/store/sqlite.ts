import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Database, Row, Value } from './database.ts';
import { migrateSqlite, schemaOf } from './migrate.ts';
import { allMigrations } from './migrations/all.ts';
import type { Migration } from './migrations/migration.ts';
import { createBallast } from './sqlite-ballast.ts';
import { createStatements, openReading } from './sqlite-connection.ts';
import { createWriterQueue } from './sqlite-queue.ts';

const WAL_LOOK_EVERY_MS = 250;

export interface SqliteParts {
  /** `…/data/agent_state.db`; the ballast and the copies of migrations lie beside it. */
  path: string;
  clock: Clock;
  log: Logger;
  /** Units that may wait for the writer; default 10,000. */
  maxQueued?: number;
  /** The writer thread's entry file; tests hand in one that dies. */
  writer?: URL;
  /** Tests of upgrades hand in others. */
  migrations?: readonly Migration[];
}

/**
 * SQLite on one machine: writes go to a thread of their own, reads are answered here. Nothing is opened before `migrate` was called, and
 * nothing is written before the first unit.
 */
export function openSqlite({ path, clock, log, maxQueued, writer, migrations = allMigrations }: SqliteParts): Database {
  const ballast = createBallast(join(dirname(path), 'ballast'));
  const queue = createWriterQueue({ path, clock, log, ballast, maxQueued, writer });
  const reader = createReader(path);
  const walBytes = createWalGauge(path, clock);
  let laying: Promise<unknown> | undefined;
  let closing: Promise<void> | undefined;

  return {
    dialect: 'sqlite',
    read: async (sql, values = []) => reader.read(sql, values),
    write: (unit) => {
      laying ??= ballast.lay().catch((error: unknown) => log.warn('store.ballast_failed', { error }));
      return queue.write(unit);
    },
    async migrate(before) {
      if (before && schemaOf(path, migrations) > 0) await before();
      const done = migrateSqlite(path, migrations, clock.now());
      if (done.from !== done.to) log.info('store.migrated', { version: String(done.to), state: `from ${done.from}` });
      queue.start();
      return done;
    },
    health() {
      const reason = closing ? 'closed' : queue.ailment();
      return { writable: reason === undefined, ...(reason ? { reason } : {}), queued: queue.queued(), walBytes: walBytes() };
    },
    close() {
      closing ??= (async () => {
        await laying;
        // The reader goes first: the last connection to close empties the log and removes it.
        reader.close();
        await queue.close();
        tidyLog(path, log);
      })();
      return closing;
    },
  };
}

/**
 * A reader alone leaves an empty log and its index behind, as after a start that was refused. Whoever opens the file for writing and is the last to close
 * it takes both away; SQLite itself sees to it that nobody else has them open.
 */
function tidyLog(path: string, log: Logger): void {
  if (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size !== 0) return;
  try {
    const database = new DatabaseSync(path, { timeout: 0 });
    try {
      // Opens the log without a look at the schema, whose pages may be the damaged ones.
      database.prepare('PRAGMA user_version').get();
    } finally {
      database.close();
    }
  } catch (error) {
    log.warn('store.log_kept', { error });
  }
}

interface Reader {
  read(sql: string, values: Value[]): Row[];
  close(): void;
}

function createReader(path: string): Reader {
  let open: { database: DatabaseSync; statement: ReturnType<typeof createStatements> } | undefined;
  let closed = false;
  const connect = () => {
    const database = openReading(path);
    return { database, statement: createStatements(database) };
  };
  return {
    read(sql, values) {
      if (closed) throw new AppError('storage_unavailable', { cause: new Error('closed') });
      try {
        open ??= connect();
        const statement = open.statement(sql);
        try {
          return statement.all(...(values as SQLInputValue[])) as Row[];
        } catch (error) {
          if (!isOutOfRange(error)) throw error;
          return readingBig(open.database, sql, values);
        }
      } catch (error) {
        throw new AppError('storage_unavailable', { cause: error });
      }
    },
    close() {
      closed = true;
      open?.database.close();
      open = undefined;
    },
  };
}

/** node:sqlite gives up a whole query over one integer that a number cannot hold exactly. */
const isOutOfRange = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ERR_OUT_OF_RANGE';

/** The same query again, only after that: such an integer becomes the nearest number, which `columns.ts` takes for damage. */
function readingBig(database: DatabaseSync, sql: string, values: Value[]): Row[] {
  const statement = database.prepare(sql);
  statement.setReadBigInts(true);
  return statement
    .all(...(values as SQLInputValue[]))
    .map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value])),
    );
}

/** Asked often, looked up at most four times a second. */
function createWalGauge(path: string, clock: Clock): () => number {
  let bytes = 0;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (clock.monotonic() - lookedAt >= WAL_LOOK_EVERY_MS) {
      lookedAt = clock.monotonic();
      bytes = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    }
    return bytes;
  };
}
