// What can be told of the machine and the home without opening the data. Used by the command line and by the running agent; nothing here writes.
import { constants, existsSync, type Stats } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Finding, well } from '../contract/finding.ts';
import type { HomePaths } from './home.ts';
import { foreignHome, isOurKindOfHome, isOwn, otherOwner, quoted } from './home-owner.ts';

const MIB = 1_048_576;
/** Below this an ordinary day may fill the disk: the store's ballast and a log of 8 MiB each must fit several times. */
const DISK_ERROR_MIB = 64;
/** A clock may be set by hand; a few minutes say nothing. */
const CLOCK_SLACK_MS = 5 * 60_000;
const NODE_MAJOR_MIN = 24;

export function nodeFinding(version: string): Finding {
  const major = Number(/^v?(\d+)/.exec(version)?.[1] ?? 0);
  if (major >= NODE_MAJOR_MIN) return well('node', `Node ${version.replace(/^v/, '')}.`);
  return {
    id: 'node',
    severity: 'error',
    cause: `Node ${version.replace(/^v/, '')} is too old: Holdfast needs ${NODE_MAJOR_MIN} or newer.`,
    fix: 'npm ci   # in a clone brings Node 24; elsewhere install it from your system or https://nodejs.org',
  };
}

export interface DiskRoom {
  freeBytes: number;
  totalBytes: number;
}

/** Room for this user on the disk that holds `path`; undefined when that cannot be told. */
export async function diskRoom(path: string): Promise<DiskRoom | undefined> {
  // A folder that is not there yet will lie where its parent is.
  if (!existsSync(path) && dirname(path) !== path) return diskRoom(dirname(path));
  try {
    const { bavail, blocks, bsize } = await statfs(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    // A file system that does not say, or one that is gone.
    return undefined;
  }
}

/** `freeMbMin`: what the alert `disk_low` warns of too. */
export async function diskFinding(paths: HomePaths, freeMbMin: number): Promise<Finding> {
  const room = await diskRoom(paths.home);
  if (!room) return { id: 'disk', severity: 'info', cause: 'The space left on the disk could not be told.', fix: null };
  const free = Math.floor(room.freeBytes / MIB);
  const said = `${free} MiB of ${Math.floor(room.totalBytes / MIB)} MiB are free`;
  if (free >= freeMbMin) return well('disk', `${said}.`);
  return {
    id: 'disk',
    severity: free < DISK_ERROR_MIB ? 'error' : 'warning',
    cause: `The disk of HOLDFAST_HOME is nearly full: ${said}. When it is full, new messages are refused; what is stored stays readable.`,
    fix: `df -h ${quoted(paths.home)}   # remove or move something that is not Holdfast's from that disk; writing then goes on by itself`,
  };
}

/** Handing over is for what lies in a home of ours; anything else keeps its owner. */
function rightsFix(paths: HomePaths, path: string, code: string): string {
  if (code === 'EROFS') return `findmnt -T ${quoted(path)}   # names the mount; mount it read-write, or set HOLDFAST_HOME elsewhere`;
  if (isOwn(path)) return `chmod u+rwx ${quoted(path)}`;
  if (isOurKindOfHome(paths) && isOwn(paths.home)) return `sudo chown -R "$(id -u)" ${quoted(path)}`;
  const other = otherOwner(path);
  if (other && isOurKindOfHome(paths)) return foreignHome(paths.home, other).fix;
  return ELSEWHERE;
}

/** Changes nothing that is there. */
const ELSEWHERE = `export HOLDFAST_HOME="$HOME/.holdfast"   # set HOLDFAST_HOME to a folder of its own, in .env too if it is set there`;

/** By rights and kind only: a trial write would change the folder. `droppedLines`: lost since the agent started, where that is known. */
export async function logFolderFinding(paths: HomePaths, droppedLines = 0): Promise<Finding> {
  const wrong = (cause: string, fix: string): Finding => ({ id: 'log_folder', severity: 'error', cause, fix });
  const folder = await kindOf(paths.logs);
  const file = await kindOf(paths.log);
  if (((folder && !folder.isDirectory()) || (file && !file.isFile())) && !isOurKindOfHome(paths))
    return wrong(`${paths.home} is not a home of Holdfast, and ${paths.log} cannot be a log there.`, ELSEWHERE);
  if (folder && !folder.isDirectory())
    return wrong(
      `${paths.logs} is not a folder: no line can be logged, and a start is refused.`,
      `mv ${quoted(paths.logs)} ${quoted(`${paths.logs}.aside`)} && holdfast restart`,
    );
  if (file && !file.isFile())
    return wrong(
      `${paths.log} is not a file: no line can be logged.`,
      `mv ${quoted(paths.log)} ${quoted(`${paths.log}.aside`)}   # logging goes on by itself`,
    );
  const refused = folder && ((await refusal(paths.logs)) ?? (file && (await refusal(paths.log))));
  if (refused) {
    const why = refused === 'EROFS' ? 'is on a read-only file system' : `cannot be written to (${refused})`;
    return wrong(`${paths.logs} ${why}: no line can be logged.`, rightsFix(paths, paths.logs, refused));
  }
  if (droppedLines > 0)
    return {
      id: 'log_folder',
      severity: 'warning',
      cause: `${droppedLines} log lines were lost since the agent started, because they could not be written in time.`,
      fix: `df -h ${quoted(paths.logs)}   # a full or slow disk is the usual reason; conversations are not affected`,
    };
  return well('log_folder', folder ? 'The log can be written.' : 'There is no log folder yet; the first start makes it.');
}

export interface ClockFacts {
  now: number;
  /** Wall time of the newest stored row. */
  newestAt?: number | undefined;
  /** When this program was built. */
  builtAt?: number | undefined;
}

/** A clock can be shown to be behind, never to be ahead: nothing here knows the true time. */
export function clockFinding({ now, newestAt, builtAt }: ClockFacts): Finding {
  const latest = Math.max(newestAt ?? Number.NEGATIVE_INFINITY, builtAt ?? Number.NEGATIVE_INFINITY);
  const behindMs = latest - now;
  if (!(behindMs > CLOCK_SLACK_MS)) return well('clock', `The clock says ${new Date(now).toISOString()}, which is plausible.`);
  const what = latest === newestAt ? 'the newest stored row' : 'this program’s own files';
  return {
    id: 'clock',
    severity: 'error',
    cause: `The clock is off: it says ${new Date(now).toISOString()}, ${span(behindMs)} before ${what}.`,
    fix: 'date -u   # compare with a clock you trust; on most Linux machines this sets it: sudo timedatectl set-ntp true',
  };
}

function span(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 72 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}

/** The home and what lies in it belong to us alone. */
export async function homeFinding(paths: HomePaths): Promise<Finding> {
  const { home } = paths;
  const found = await kindOf(home);
  if (!found) return { id: 'home', severity: 'info', cause: `${home} is not there yet; the first start makes it.`, fix: null };
  if (!found.isDirectory())
    return { id: 'home', severity: 'error', cause: `HOLDFAST_HOME is ${home}, and that is not a folder.`, fix: ELSEWHERE };
  const refused = await refusal(home);
  if (refused)
    return {
      id: 'home',
      severity: 'error',
      cause: `${home} cannot be written to (${refused}).`,
      fix: rightsFix(paths, home, refused),
    };
  if (!isOurKindOfHome(paths))
    return {
      id: 'home',
      severity: 'warning',
      cause: `${home} has other things in it and is not a home of Holdfast.`,
      fix: ELSEWHERE,
    };
  const open = await openToOthers(paths);
  if (open.length === 0) return well('home', `${home} belongs to its owner alone.`);
  return {
    id: 'home',
    severity: 'warning',
    cause: `Others on this machine may look into ${open.join(', ')}.`,
    fix: isOwn(home)
      ? `chmod -R go-rwx ${quoted(home)}`
      : `ls -la ${quoted(home)}   # it belongs to another user, who can close it: chmod -R go-rwx`,
  };
}

async function openToOthers(paths: HomePaths): Promise<string[]> {
  const { home, data, logs, keys, run, masterKey, token, database, log } = paths;
  const open: string[] = [];
  // Behind a closed home nobody gets any further.
  for (const path of [home, data, logs, keys, run, masterKey, token, database, log]) {
    const found = await kindOf(path);
    if (path === home && found && (found.mode & 0o077) === 0) return [];
    if (found && (found.mode & 0o077) !== 0) open.push(path);
  }
  return open;
}

export async function envFileFinding(cwd: string): Promise<Finding> {
  const path = join(cwd, '.env');
  const found = await kindOf(path);
  if (!found) return well('env_file', 'There is no .env here.');
  if ((found.mode & 0o077) === 0) return well('env_file', 'Only its owner may read .env.');
  return {
    id: 'env_file',
    severity: 'warning',
    cause: 'Others on this machine may read .env, where the keys are.',
    fix: isOwn(path) ? `chmod 600 ${quoted(path)}` : `ls -l ${quoted(path)}   # it belongs to another user, who can close it: chmod 600`,
  };
}

async function kindOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch {
    // Absent, or below something that is no folder: whoever asks about that says so.
    return undefined;
  }
}

/** Why a path cannot be written to, as the kernel's code. Root has every right but the one to write to a read-only file system. */
async function refusal(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.W_OK);
    return undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  }
}
