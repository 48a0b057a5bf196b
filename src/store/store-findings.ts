// What was found in the data, in words for an operator. Each fix begins with a command that can be run as it stands.
import { dirname } from 'node:path';
import { quoted } from '../base/home-owner.ts';
import type { AuditVerification } from '../contract/audit.ts';
import { type Finding, well } from '../contract/finding.ts';
import type { RecordSample } from './record-sample.ts';
import { resultCode } from './sqlite-trouble.ts';

const MIB = 1_048_576;
const SHOWN = 3;

export function recordsFinding(sample: RecordSample): Finding {
  const { sessions, messages, turns, isWhole, damaged, damagedTotal } = sample;
  const whose =
    sessions === 1 ? (isWhole ? 'the only session' : 'the newest session') : `${isWhole ? 'all' : 'the newest'} ${sessions} sessions`;
  const scope = `${counted(messages, 'message')} and ${counted(turns, 'turn')} of ${whose}`;
  const rest = isWhole ? '' : ' Older ones were not looked at: there was no time.';
  if (damagedTotal === 0) return well('records', `${scope} open.${rest}`);
  const places = [...new Set(damaged.map(({ sessionId, id }) => sessionId || id))].filter((place) => place !== '');
  const [first = ''] = places;
  const shown = `${places.slice(0, SHOWN).join(', ')}${places.length > SHOWN ? ' and others' : ''}`;
  return {
    id: 'records',
    severity: 'error',
    cause:
      `${damagedTotal} ${damagedTotal === 1 ? 'record does' : 'records do'} not open, among ${scope} (in ${shown}): changed or damaged on disk. ` +
      `Only what they held is lost; everything else goes on.${rest}`,
    fix: first.startsWith('ses_')
      ? `holdfast sessions show ${first}   # shows what is left of it; to have the rest again, put the data folder of a backup in place of this one`
      : 'holdfast sessions list   # shows what is left; to have the rest again, put the data folder of a backup in place of this one',
  };
}

const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** `rowsMax`: where the look ended at the latest. */
export function auditFinding(report: AuditVerification, rowsMax: number): Finding {
  const rest = report.rows >= rowsMax ? ` Rows after the first ${rowsMax} were not looked at: holdfast audit verify looks at all.` : '';
  if (report.ok) return well('audit', `${report.rows} audit rows form a whole chain.${rest}`);
  const [first] = report.findings;
  const place = first ? ` Row ${first.seq}: ${first.cause}` : '';
  return {
    id: 'audit',
    severity: 'error',
    cause: `The audit chain is not whole: ${report.findingsTotal} ${report.findingsTotal === 1 ? 'finding' : 'findings'}.${place}${rest}`,
    fix: 'holdfast audit verify   # names every place; keep a copy of the data folder as evidence before you change anything',
  };
}

export function walFinding(walBytes: number, isServed: boolean, walBytesMax = 64 * MIB): Finding {
  if (!isServed)
    return walBytes === 0
      ? well('wal', 'The last stop was clean: nothing waits in the write-ahead log.')
      : {
          id: 'wal',
          severity: 'info',
          cause: `A process that was killed left ${Math.ceil(walBytes / 1024)} KiB in the write-ahead log. The next start takes in what is whole there; after a kill that is everything acknowledged.`,
          fix: 'holdfast start',
        };
  if (walBytes <= walBytesMax) return well('wal', `The write-ahead log has ${Math.ceil(walBytes / 1024)} KiB.`);
  return {
    id: 'wal',
    severity: 'warning',
    cause: `The write-ahead log has grown to ${Math.ceil(walBytes / MIB)} MiB: the disk is slow, or a long reader holds it.`,
    fix: 'holdfast restart   # takes the log in; open turns are finished first',
  };
}

// https://www.sqlite.org/rescode.html
const [PERM, BUSY, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB] = [3, 5, 8, 10, 11, 13, 14, 26] as const;

/** The data could not be read at all. `error` is SQLite's, or wraps it. */
export function unreadableFinding(error: unknown, path?: string): Finding {
  const { cause, fix } = readTrouble(error, path);
  return { id: 'database', severity: 'error', cause, fix };
}

/** Why a database cannot be read, and what to do: the same words from a start that was refused and from the doctor. */
export function readTrouble(error: unknown, path?: string): { cause: string; fix: string; code: number } {
  const code = codeOf(error) & 0xff;
  const folder = path === undefined ? 'the data folder' : quoted(dirname(path));
  const said = {
    code,
    ...(TROUBLES[code] ?? { cause: `The database cannot be read (SQLite ${code}).`, fix: 'holdfast logs --level error' }),
  };
  if (code !== CORRUPT && code !== NOTADB) return said;
  const aside = path === undefined ? 'holdfast doctor' : `cp -a ${folder} ${quoted(`${dirname(path)}-damaged`)}`;
  return { ...said, fix: `${aside}   # ${said.fix}` };
}

const TROUBLES: Readonly<Record<number, { cause: string; fix: string }>> = {
  [CORRUPT]: {
    cause: 'The database file is damaged: pages of it are not what they should be (SQLite 11). Nothing was written.',
    fix: 'keep what is there; then put the data folder of your latest backup in its place, with the same master key, and: holdfast start',
  },
  [NOTADB]: {
    cause: 'The database file is no database any more: its first page is damaged (SQLite 26). Nothing was written.',
    fix: 'keep what is there; then put the data folder of your latest backup in its place, with the same master key, and: holdfast start',
  },
  [IOERR]: {
    cause: 'The disk failed while the database was read (SQLite 10).',
    fix: 'dmesg | tail   # look for errors of that disk; copy the data folder to another one before anything else',
  },
  [FULL]: { cause: 'The disk is full (SQLite 13).', fix: 'df -h   # free some space on the disk of HOLDFAST_HOME, then: holdfast start' },
  [BUSY]: {
    cause: 'Another program holds the database (SQLite 5).',
    fix: 'holdfast status   # if no agent runs: fuser -v data/agent_state.db',
  },
  [READONLY]: {
    cause: 'The database may not be written to (SQLite 8).',
    fix: 'holdfast doctor   # checks owner and permissions of the home',
  },
  [CANTOPEN]: { cause: 'The database cannot be opened (SQLite 14).', fix: 'holdfast doctor   # checks owner and permissions of the home' },
  [PERM]: { cause: 'The database may not be opened (SQLite 3).', fix: 'holdfast doctor   # checks owner and permissions of the home' },
};

/** Of the error itself or of what it wraps. */
function codeOf(error: unknown): number {
  for (let each = error; each instanceof Error; each = each.cause) if (resultCode(each) !== 0) return resultCode(each);
  return 0;
}
