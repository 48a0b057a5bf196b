// One `start` at a time per home: the others wait and then find the agent running. The running server's own lock is the truth; this only
// spares people a failed second start.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HomePaths } from '../base/home.ts';
import { isSameProcess, processStart } from '../base/process.ts';

const lockPath = (paths: HomePaths): string => join(paths.run, 'start.lock');

/** True when this process holds it now. A lock whose holder is gone is cleared away. */
export function takeStartLock(paths: HomePaths): boolean {
  const path = lockPath(paths);
  if (isStartUnderWay(paths)) return false;
  try {
    // By rename: of two that clear it at once, one moves it and the other finds nothing.
    const aside = `${path}.${process.pid}`;
    renameSync(path, aside);
    rmSync(aside, { force: true });
  } catch {
    // Nothing to clear.
  }
  try {
    writeFileSync(path, `${process.pid} ${processStart(process.pid) ?? ''}`, { flag: 'wx', mode: 0o600 });
    return true;
  } catch {
    // Somebody was faster.
    return false;
  }
}

export function releaseStartLock(paths: HomePaths): void {
  rmSync(lockPath(paths), { force: true });
}

/** A `start` is waiting for its server right now. */
export function isStartUnderWay(paths: HomePaths): boolean {
  try {
    const [pid, start] = readFileSync(lockPath(paths), 'utf8').split(' ');
    return start !== undefined && isSameProcess(Number(pid), start);
  } catch {
    // No lock.
    return false;
  }
}
