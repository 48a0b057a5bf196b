// A look at a database file from outside: with or without a server, with or without its key, and without changing a byte.
import type { KeyObject } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import { quoted } from '../base/home-owner.ts';
import { clockFinding } from '../base/host-checks.ts';
import { type Finding, well } from '../contract/finding.ts';
import { open, seal } from '../crypto/envelope.ts';
import { newestAt } from './audit.ts';
import { findIdentity, type Identity } from './identity.ts';
import { isDatabaseLost, lostDatabase } from './lost-database.ts';
import { peekSchema } from './migrate.ts';
import { allMigrations } from './migrations/all.ts';
import type { Migration } from './migrations/migration.ts';
import { fileSizes, type Look, lookInto } from './read-only-file.ts';
import { sampleRecords } from './record-sample.ts';
import { auditFinding, recordsFinding, unreadableFinding, walFinding } from './store-findings.ts';
import { verifyAudit } from './verify-audit.ts';

/** Seconds of reading on an ordinary disk; of a larger file only the small tables are checked. */
const CHECKED_BYTES_MAX = 2 * 1024 * 1024 * 1024;
const SMALL_TABLES = ['meta', 'keyring', 'session_keys', 'sessions'] as const;
const PAGES_SHOWN = 1;
const AUDIT_ROWS_MAX = 1_000_000;
const RECORDS_MS_MAX = 5_000;

export interface CandidateKey {
  /** Where it comes from, for people. */
  source: string;
  /** Or why it cannot be used. */
  key: KeyObject | ConfigError;
}

export interface FileQuestion {
  path: string;
  /** A server has it open: keys and records are then its own to tell. */
  isServed: boolean;
  tenant: string;
  /** The one a start would take first, then others that lie about. */
  keys: readonly CandidateKey[];
  clock: Clock;
  migrations?: readonly Migration[];
}

/** Never rejects for the data's sake: what cannot be read is a finding. */
export async function examineFile(question: FileQuestion): Promise<Finding[]> {
  const { path, isServed, migrations = allMigrations } = question;
  const sizes = fileSizes(path);
  if (isDatabaseLost(path)) return [{ id: 'database', severity: 'error', ...lostDatabase(path) }];
  if (sizes.bytes === 0) return [well('database', 'There is no data yet; the first start makes it.')];
  const findings: Finding[] = [walFinding(sizes.walBytes, isServed)];
  let look: Look | undefined;
  try {
    const schema = schemaFinding(path, migrations);
    findings.push(schema);
    if (schema.id === 'database') return findings;
    look = lookInto(path, isServed);
    if (!look) return [...findings, notLookedAt(sizes.bytes)];
    findings.push(...(await lookAtData(question, look, sizes.bytes, schema.severity !== 'error')));
  } catch (error) {
    findings.push(unreadableFinding(error, path));
  } finally {
    look?.close();
  }
  return findings;
}

function schemaFinding(path: string, migrations: readonly Migration[]): Finding {
  try {
    const schema = peekSchema(path, migrations);
    if (!schema || schema.version === schema.known)
      return well('schema', `The data has schema ${migrations.at(-1)?.version ?? 0}, as it should.`);
    const { version, known } = schema;
    if (version < known)
      return {
        id: 'schema',
        severity: 'warning',
        cause: `The data has schema ${version}, and this program knows ${known}: the next start brings it up, and keeps a copy from before.`,
        fix: 'holdfast start',
      };
    return {
      id: 'schema',
      severity: 'error',
      cause: `The data was written by a newer Holdfast (schema ${version}; this one knows ${known}). A start is refused, and nothing is written.`,
      fix: `ls -l ${quoted(join(dirname(path), 'backups'))}   # install the newer Holdfast again; or put the copy made before its update, which lies here, in place of ${basename(path)}`,
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const fix = `ls -l ${quoted(path)}   # if HOLDFAST_HOME is the right one, move this file away yourself, put the data folder of a backup back and: holdfast start`;
    return { id: 'database', severity: 'error', cause: error.message, fix };
  }
}

const notLookedAt = (bytes: number): Finding => ({
  id: 'database',
  severity: 'info',
  cause: `Not looked at: a crash left a log beside ${Math.round(bytes / 1_048_576)} MiB of data, too much to copy for a look that changes nothing.`,
  fix: 'holdfast start   # takes the log in; then: holdfast doctor',
});

async function lookAtData(question: FileQuestion, look: Look, bytes: number, isKnownSchema: boolean): Promise<Finding[]> {
  const { path, isServed, clock } = question;
  const findings = [checkPages(look, path, bytes)];
  if (!isKnownSchema) return findings;
  const attempt = async (work: () => Promise<Finding[]>) => {
    try {
      findings.push(...(await work()));
    } catch (error) {
      if (findings[0]?.severity === 'ok') findings[0] = unreadableFinding(error, path);
    }
  };
  if (!isServed) await attempt(() => lookAtRecords(question, look));
  await attempt(async () => {
    const report = await verifyAudit((sql, values) => look.db.read(sql, values), [], AUDIT_ROWS_MAX);
    // With damaged pages it is no news that rows among them cannot be read.
    const isOldNews = findings[0]?.severity === 'error' && report.findings.every(({ kind }) => kind === 'unreadable');
    return isOldNews && !report.ok ? [] : [auditFinding(report, AUDIT_ROWS_MAX)];
  });
  await attempt(async () => [clockFinding({ now: clock.now(), newestAt: await newestAt(look.db) })]);
  return findings;
}

function checkPages({ file }: Look, path: string, bytes: number): Finding {
  const isWhole = bytes <= CHECKED_BYTES_MAX;
  const ask = isWhole ? [`${PAGES_SHOWN}`] : SMALL_TABLES;
  try {
    for (const what of ask) {
      const [row] = file.prepare(`PRAGMA quick_check(${what})`).all();
      if (row?.quick_check !== 'ok') return unreadableFinding(Object.assign(new Error('quick_check'), { errcode: 11 }), path);
    }
  } catch (error) {
    return unreadableFinding(error, path);
  }
  if (isWhole) return well('database', 'Every page of the database is in order.');
  return well(
    'database',
    `The pages of ${SMALL_TABLES.join(', ')} are in order; the others were not looked at: the file is larger than 2 GiB.`,
  );
}

async function lookAtRecords(question: FileQuestion, { db }: Look): Promise<Finding[]> {
  const [first, ...others] = question.keys;
  if (!first) return [noKey(question.path)];
  const opened = await tryKey(question, db, first);
  if (opened === undefined) return [well('master_key', 'The data is empty: any master key serves.')];
  if (opened instanceof ConfigError) {
    for (const other of others) {
      const better = await tryKey(question, db, other);
      if (better && !(better instanceof ConfigError)) return [wrongKey(opened, first, other)];
    }
    return [wrongKey(opened, first)];
  }
  const { keyring, install } = opened;
  const sample = await sampleRecords({ db, clock: question.clock, keyring, install, sealer: { seal, open } }, RECORDS_MS_MAX);
  return [well('master_key', `The master key (${first.source}) opens the data.`), recordsFinding(sample)];
}

async function tryKey(question: FileQuestion, db: Look['db'], { key }: CandidateKey): Promise<Identity | ConfigError | undefined> {
  if (key instanceof ConfigError) return key;
  try {
    return await findIdentity({ database: db, masterKey: key }, question.tenant);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

const KEY_ADVICE = 'the key this data was made with must be there; take it from the backup of your key. A new key never opens old data';

const noKey = (path: string): Finding => ({
  id: 'master_key',
  severity: 'error',
  cause: 'There is data but no master key, and without its key nothing of it can be read.',
  fix: `holdfast config show --sources   # HOLDFAST_MASTER_KEY is not set, and ${quoted(join(dirname(dirname(path)), 'keys', 'master.key'))} is gone: ${KEY_ADVICE}`,
});

function wrongKey(problem: ConfigError, { source }: CandidateKey, better?: CandidateKey): Finding {
  const wrong = (cause: string, fix: string): Finding => ({ id: 'master_key', severity: 'error', cause, fix });
  if (better)
    return wrong(
      `${source} does not open the data, but ${better.source} does.`,
      `env -u HOLDFAST_MASTER_KEY -u HOLDFAST_MASTER_KEY_FILE holdfast start   # if it is set in .env, remove it there first`,
    );
  const isKeyring = /keyring|identity/.test(problem.message);
  return wrong(
    `${problem.message.replace(/ Nothing was written\.$/, '')} It comes from ${source}.`,
    isKeyring
      ? `holdfast start   # refuses too: ${problem.fix}`
      : `holdfast config show --sources   # says where HOLDFAST_MASTER_KEY comes from: ${KEY_ADVICE}`,
  );
}
