// Whether a process is still the one we mean: a pid alone may have been given to somebody else.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Stands for one process on this machine, over reboots: two processes with the same pid have different ones. */
export type ProcessStart = string;

const PS_MS_MAX = 2_000;

/** When a process started, as opaque text; undefined when there is none (a zombie is none) or it cannot be told. Never throws. */
export function processStart(pid: number): ProcessStart | undefined {
  if (!Number.isSafeInteger(pid) || pid < 1) return undefined;
  return process.platform === 'linux' ? linuxStart(pid) : psStart(pid);
}

/** `/proc/<pid>/stat`: field 3 is the state, field 22 the start in clock ticks since boot; field 2 may contain spaces and brackets (proc(5)). */
function linuxStart(pid: number): ProcessStart | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    const ticks = fields[19];
    if (ticks === undefined || state === 'Z' || state === 'X') return undefined;
    return `${bootId()}:${ticks}`;
  } catch {
    // No such process, or it ended while we read.
    return undefined;
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    // Some sandboxes hide it; the ticks alone still tell two processes of one boot apart.
    return '';
  }
}

function psStart(pid: number): ProcessStart | undefined {
  try {
    const told = execFileSync('ps', ['-o', 'lstart=,stat=', '-p', String(pid)], {
      encoding: 'utf8',
      timeout: PS_MS_MAX,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { LC_ALL: 'C', PATH: '/bin:/usr/bin' },
    }).trim();
    const [, start, state] = /^(.*\S)\s+(\S+)$/.exec(told) ?? [];
    return state?.startsWith('Z') ? undefined : start;
  } catch {
    // `ps` ends with 1 when there is no such process.
    return undefined;
  }
}

export function isSameProcess(pid: number, start: ProcessStart): boolean {
  const now = processStart(pid);
  return now !== undefined && now === start;
}

/** `gone`: no such process, or the pid belongs to another one, which gets no signal. `denied`: it is ours to see but not to signal. */
export function signalIfSame(pid: number, start: ProcessStart, signal: NodeJS.Signals): 'sent' | 'gone' | 'denied' {
  if (!isSameProcess(pid, start)) return 'gone';
  try {
    process.kill(pid, signal);
    return 'sent';
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM' ? 'denied' : 'gone';
  }
}
