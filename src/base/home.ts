// The folder of everything that is kept: who lies where, with which rights.
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError } from './errors.ts';
import { isOurKindOfHome, otherOwner, quoted } from './home-owner.ts';

export interface HomePaths {
  home: string;
  data: string;
  database: string;
  logs: string;
  log: string;
  keys: string;
  masterKey: string;
  run: string;
  agentFile: string;
  lock: string;
  token: string;
  /** What a background start printed. */
  startOut: string;
  /** How the last stop went. */
  stopped: string;
  /** Alerts that are not over. */
  alerts: string;
}

/** What a running server says about itself, in `run/agent.json`. */
export interface AgentFile {
  pid: number;
  /** `processStart(pid)`: together they name one process. */
  processStart: string;
  host: string;
  port: number;
  /** 0: no listener of its own; the dashboard is under `/ui/` of the API port. */
  dashboardPort: number;
  agentId: string;
  version: string;
  /** ISO 8601. */
  startedAt: string;
}

/** Written by the server as its last act, in `run/stopped.json`. */
export interface StoppedFile {
  pid: number;
  /** Turns finished or left resumable by the drain. */
  drained: number;
  seconds: number;
  sessionId: string | null;
}

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

export function homePaths(home: string): HomePaths {
  const [data, logs, keys, run] = ['data', 'logs', 'keys', 'run'].map((name) => join(home, name)) as [string, string, string, string];
  return {
    home,
    data,
    database: join(data, 'agent_state.db'),
    logs,
    log: join(logs, 'agent.log'),
    keys,
    masterKey: join(keys, 'master.key'),
    run,
    agentFile: join(run, 'agent.json'),
    lock: join(run, 'lock.db'),
    token: join(run, 'token'),
    startOut: join(run, 'start.out'),
    stopped: join(run, 'stopped.json'),
    alerts: join(run, 'alerts.json'),
  };
}

/** Makes the folders, 0700, and checks that they can be written to. Throws ConfigError with the fix. */
export function prepareHome(home: string): HomePaths {
  const paths = homePaths(home);
  // Rights of a folder that holds other things are not ours to change; what we make in it is closed all the same.
  const mayClose = isOurKindOfHome(paths);
  for (const folder of [paths.home, paths.data, paths.logs, paths.keys, paths.run]) {
    try {
      makeFolder(folder);
      if ((statSync(folder).mode & 0o077) !== 0 && (mayClose || folder !== home)) tighten(folder, folder === home);
    } catch (error) {
      throw unusable(home, folder, error);
    }
  }
  for (const folder of [paths.data, paths.logs, paths.keys, paths.run]) probe(home, folder);
  return paths;
}

/** Not `recursive`: Node's own never returns where mkdir says ENOENT below a folder that is there, as in /proc. */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(folder);
  if (!existsSync(parent)) makeFolder(parent);
  try {
    mkdirSync(folder, { mode: FOLDER_MODE });
  } catch (error) {
    // Made by somebody else meanwhile: as good.
    if (codeOf(error) !== 'EEXIST' || !statSync(folder).isDirectory()) throw error;
  }
}

/** A mounted volume may belong to another user; what lies in our own folders below it is closed all the same. */
function tighten(folder: string, mayBelongToOthers: boolean): void {
  try {
    chmodSync(folder, FOLDER_MODE);
  } catch (error) {
    if (!mayBelongToOthers) throw error;
  }
}

/** Asking for the rights is not enough: root has them all, and a read-only file system refuses only the write. */
function probe(home: string, folder: string): void {
  const path = join(folder, `.probe-${process.pid}`);
  try {
    writeFileSync(path, '', { mode: FILE_MODE });
    unlinkSync(path);
  } catch (error) {
    throw unusable(home, folder, error);
  }
}

function unusable(home: string, folder: string, error: unknown): ConfigError {
  const code = codeOf(error);
  if (code === 'ENOTDIR' || code === 'EEXIST') {
    return new ConfigError(
      `HOLDFAST_HOME cannot be used: ${folder} is in the way and is not a folder.`,
      'export HOLDFAST_HOME="$HOME/.holdfast"   # set HOLDFAST_HOME to a folder, in .env too if it is set there',
      {
        cause: error,
      },
    );
  }
  const what = `HOLDFAST_HOME cannot be used: ${folder} cannot be written to (${code}).`;
  const owner = otherOwner(existsSync(folder) ? folder : home);
  const fix =
    code === 'ENOSPC'
      ? `df -h ${quoted(home)}   # free some space on that disk`
      : `export HOLDFAST_HOME="$HOME/.holdfast"   # or any folder you own${owner ? `; this one belongs to ${owner.user ?? `user ${owner.uid}`}` : ''}`;
  return new ConfigError(what, fix, { cause: error });
}

export function writeAgentFile(paths: HomePaths, agent: AgentFile): void {
  writeWhole(paths.agentFile, `${JSON.stringify(agent)}\n`);
}

/** Undefined when there is none or it is not one of ours. */
export function readAgentFile(paths: HomePaths): AgentFile | undefined {
  const read = readJson(paths.agentFile);
  if (!read) return undefined;
  const { pid, processStart, host, port, dashboardPort, agentId, version, startedAt } = read;
  const areNumbers = typeof pid === 'number' && typeof port === 'number' && typeof dashboardPort === 'number';
  const areTexts = typeof processStart === 'string' && typeof host === 'string' && typeof agentId === 'string';
  if (!areNumbers || !areTexts || typeof version !== 'string' || typeof startedAt !== 'string') return undefined;
  return { pid, processStart, host, port, dashboardPort, agentId, version, startedAt };
}

export function removeAgentFile(paths: HomePaths): void {
  rmSync(paths.agentFile, { force: true });
}

/** The admin key of the local command line; the server makes a new one at each start and keeps it nowhere else. */
export function writeToken(paths: HomePaths, token: string): void {
  writeWhole(paths.token, token);
}

export function readToken(paths: HomePaths): string | undefined {
  const token = readText(paths.token)?.trim();
  return token === '' ? undefined : token;
}

export function removeToken(paths: HomePaths): void {
  rmSync(paths.token, { force: true });
}

export function writeStopped(paths: HomePaths, stopped: StoppedFile): void {
  writeWhole(paths.stopped, `${JSON.stringify(stopped)}\n`);
}

/** How the server with that pid stopped; undefined when it could not say. */
export function readStopped(paths: HomePaths, pid: number): StoppedFile | undefined {
  const read = readJson(paths.stopped);
  if (!read || read.pid !== pid || typeof read.drained !== 'number' || typeof read.seconds !== 'number') return undefined;
  return { pid, drained: read.drained, seconds: read.seconds, sessionId: typeof read.sessionId === 'string' ? read.sessionId : null };
}

/** What `readAlerts` gives back after a restart, so that nothing is said twice. */
export function writeAlerts(paths: HomePaths, alerts: unknown): void {
  writeWhole(paths.alerts, `${JSON.stringify(alerts)}\n`);
}

/** As it lies there: whoever asks checks what it is. */
export const readAlerts = (paths: HomePaths): Record<string, unknown> | undefined => readJson(paths.alerts);

/** Readers see the old text or the new, never a part. Not synced: what lies in `run/` means nothing after a power cut. */
function writeWhole(path: string, text: string): void {
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, text, { mode: FILE_MODE });
  renameSync(draft, path);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Absent or not ours to read: either way there is nothing to know here.
    return undefined;
  }
}

function readJson(path: string): Record<string, unknown> | undefined {
  try {
    const read: unknown = JSON.parse(readText(path) ?? '');
    return typeof read === 'object' && read !== null ? (read as Record<string, unknown>) : undefined;
  } catch {
    // Not JSON: a file somebody else wrote.
    return undefined;
  }
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown');
