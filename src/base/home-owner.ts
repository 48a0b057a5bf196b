// Whose a folder is, and whether it is a home of Holdfast: a fix moves, deletes or hands over only what is both a home and ours.
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Of `HomePaths`. */
interface HomeFolders {
  home: string;
  data: string;
  keys: string;
  run: string;
}

const ID_MS_MAX = 2_000;

export const quoted = (path: string): string => `'${path.replaceAll("'", `'\\''`)}'`;

/** A home has our folders in it; one that is empty or not there yet may become one. */
export function isOurKindOfHome({ home, data, run, keys }: HomeFolders): boolean {
  if ([data, run, keys].filter((path) => existsSync(path)).length >= 2) return true;
  try {
    return readdirSync(home).length === 0;
  } catch (error) {
    return codeOf(error) === 'ENOENT';
  }
}

/** True when this user owns the path. */
export function isOwn(path: string): boolean {
  const found = look(path);
  return typeof found === 'object' && found.uid === process.getuid?.();
}

export interface Foreigner {
  uid: number;
  /** Undefined: no user of this machine, such as one of a container. */
  user: string | undefined;
}

/** The user a path belongs to when that is somebody else. Undefined: ours, absent, or a system without users. */
export function otherOwner(path: string): Foreigner | undefined {
  const found = look(path);
  // Behind a folder that is closed to us: whoever closed it.
  if (found === 'closed') return dirname(path) === path ? undefined : otherOwner(dirname(path));
  if (found === undefined || process.getuid === undefined || found.uid === process.getuid()) return undefined;
  return { uid: found.uid, user: userOf(found.uid) };
}

/** The owner of a home that is closed to this user. Undefined: it can be looked into, or there is none. */
export function closedHomeOwner({ home, run }: HomeFolders): Foreigner | undefined {
  for (const path of [home, run]) {
    if (look(path) === undefined) continue;
    try {
      accessSync(path, constants.R_OK | constants.X_OK);
    } catch (error) {
      if (codeOf(error) !== 'ENOTDIR') return otherOwner(path);
    }
  }
  return undefined;
}

/** What to do about a home of somebody else, in words and as a line for a shell. Never a change of owner: an agent may run on it. */
export function foreignHome(home: string, { uid, user }: Foreigner): { cause: string; fix: string } {
  if (user === undefined)
    return {
      cause: `This home belongs to user ${uid}, who is not known on this machine (${home}): a container's, perhaps, or another machine's.`,
      fix: `ls -ldn ${quoted(home)}   # if a container uses it, run holdfast inside of that`,
    };
  return {
    cause: `This home belongs to ${user} (${home}).`,
    fix: `sudo -u ${user} env HOLDFAST_HOME=${quoted(home)} holdfast status   # and every other command in the same way`,
  };
}

function look(path: string): Stats | 'closed' | undefined {
  try {
    return statSync(path);
  } catch (error) {
    return codeOf(error) === 'EACCES' ? 'closed' : undefined;
  }
}

/** `id` also knows users that are not in /etc/passwd. */
function userOf(uid: number): string | undefined {
  try {
    const name = execFileSync('id', ['-nu', String(uid)], {
      encoding: 'utf8',
      timeout: ID_MS_MAX,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    return /^[\w.@-]+$/.test(name) && !/^\d+$/.test(name) ? name : undefined;
  } catch {
    // No such user, or no `id`.
    return undefined;
  }
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown');
