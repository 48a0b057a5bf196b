// Puts the server up in the background and returns when it is ready, or tells why it is not.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { pause } from '../base/clock.ts';
import { type AgentFile, type HomePaths, readAgentFile } from '../base/home.ts';
import { isSameProcess, processStart, signalIfSame } from '../base/process.ts';
import type { Context } from './context.ts';
import { CliError, EXIT, usageError } from './failure.ts';
import { CallFailed, call } from './http-client.ts';
import { isHoldfast } from './port-findings.ts';
import { isStartUnderWay, releaseStartLock, takeStartLock } from './start-lock.ts';
import { type Finder, localTarget } from './target.ts';

export interface ServerFlags {
  host?: string;
  port?: string;
  dashboardPort?: string;
}

export interface Launched {
  agent: AgentFile;
  wasRunning: boolean;
}

const PORT_MAX = 65_535;
const POLL_MS = 20;
const PROBE_MS_MAX = 2_000;
const WINNER_MS_MAX = 3_000;
const KILL_AFTER_MS = 3_000;
const ERROR_LINES_MAX = 20;

/** Those that were given. A port that is none is a slip on the command line, exit 2, and no fault of the settings. */
export function givenFlags({ host, port, dashboardPort }: ServerFlags, verb: 'start' | 'restart'): ServerFlags {
  for (const [flag, value, usual] of [['--port', port, 8000] as const, ['--dashboard-port', dashboardPort, 3000] as const])
    if (value !== undefined && !(/^\d{1,5}$/.test(value) && Number(value) <= PORT_MAX))
      throw usageError(`${flag} must be a whole number from 0 to ${PORT_MAX}.`, `holdfast ${verb} ${flag} ${usual}`);
  return {
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(dashboardPort === undefined ? {} : { dashboardPort }),
  };
}

/** Flags for the server, as it takes them. */
export function serverArguments(flags: ServerFlags): string[] {
  const given: [string, string | undefined][] = [
    ['--host', flags.host],
    ['--port', flags.port],
    ['--dashboard-port', flags.dashboardPort],
  ];
  return given.flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
}

/** The home's folders are there already. Waits for a server that is starting or draining. Throws CliError. */
export async function launch(context: Context, finder: Finder, flags: ServerFlags, waitMs: number): Promise<Launched> {
  const { clock } = context;
  const interrupt = new AbortController();
  const release = context.onInterrupt(() => interrupt.abort());
  const wait: Wait = { context, until: clock.monotonic() + waitMs, waitMs, signal: interrupt.signal };
  let isHolder = false;
  try {
    while (!wait.signal.aborted && clock.monotonic() < wait.until) {
      const agent = finder.running();
      if (agent && (await isReady(agent))) return { agent, wasRunning: true };
      if (!agent && !isStartUnderWay(finder.paths)) {
        isHolder = takeStartLock(finder.paths);
        if (isHolder) return await spawnServer(wait, finder, flags);
      }
      await pause(clock, POLL_MS, wait.signal);
    }
    throw wait.signal.aborted ? interruptedError() : notReady(wait, finder.running()?.pid);
  } finally {
    if (isHolder) releaseStartLock(finder.paths);
    release();
  }
}

interface Wait {
  context: Context;
  /** Monotonic. */
  until: number;
  waitMs: number;
  signal: AbortSignal;
}

async function spawnServer(wait: Wait, finder: Finder, flags: ServerFlags): Promise<Launched> {
  const { paths } = finder;
  const { program } = wait.context;
  if (!existsSync(program))
    throw new CliError(`The server is not built (${program} is missing).`, { exit: EXIT.config, fix: 'npm run build', code: 'not_built' });
  const { clock } = wait.context;
  // A server that ended between two looks may have been started again by somebody else meanwhile.
  const running = finder.running();
  if (running && (await isReady(running))) return { agent: running, wasRunning: true };
  const { child, exited } = run(wait, program, flags, paths);
  const start = processStart(child.pid ?? 0);
  while (!wait.signal.aborted && clock.monotonic() < wait.until) {
    if (exited.code !== undefined) return await afterExit(wait, finder, exited.code);
    const agent = readAgentFile(paths);
    if (agent && agent.pid === child.pid && agent.processStart === start && (await isReady(agent))) return { agent, wasRunning: false };
    await pause(clock, POLL_MS, wait.signal);
  }
  await end(wait, child.pid ?? 0, start ?? '');
  throw wait.signal.aborted ? interruptedError() : notReady(wait, undefined);
}

/** Its own session, so that Ctrl-C and a closed terminal do not reach it. Only stderr is kept: the log has the rest. */
function run(wait: Wait, program: string, flags: ServerFlags, paths: HomePaths): { child: ChildProcess; exited: { code?: number } } {
  const { cwd, env } = wait.context;
  const output = openSync(paths.startOut, 'w', 0o600);
  const exited: { code?: number } = {};
  try {
    const child = spawn(process.execPath, [program, ...serverArguments(flags)], {
      cwd,
      env: { ...env },
      detached: true,
      stdio: ['ignore', 'ignore', output],
    });
    child.once('error', () => {
      exited.code = EXIT.failed;
    });
    child.once('exit', (code) => {
      exited.code = code ?? EXIT.failed;
    });
    child.unref();
    return { child, exited };
  } finally {
    closeSync(output);
  }
}

/** It may have lost a race for the home: then the winner is the agent. Otherwise its own words say why, and its code is ours. */
async function afterExit(wait: Wait, finder: Finder, code: number): Promise<Launched> {
  const { clock } = wait.context;
  const { what, fix } = lastWords(finder.paths);
  let winner = finder.running();
  // The other one holds the home already but has not said yet where it listens.
  const until = Math.min(wait.until, clock.monotonic() + WINNER_MS_MAX);
  while (!winner && /using this home/.test(what) && clock.monotonic() < until) {
    await pause(clock, POLL_MS);
    winner = finder.running();
  }
  if (winner) {
    while (clock.monotonic() < wait.until && isSameProcess(winner.pid, winner.processStart)) {
      if (await isReady(winner)) return { agent: winner, wasRunning: true };
      await pause(clock, POLL_MS);
    }
  }
  const exit = code === 0 ? EXIT.failed : code;
  const said = fix === undefined ? `The server ended while starting (exit ${code}). ${what}`.trimEnd() : await whoHasPort(what);
  throw new CliError(said, {
    exit,
    fix: fix ?? 'holdfast start --foreground',
    code: 'start_failed',
  });
}

/** Another agent of this machine is worth naming: it is stopped in its own folder. */
async function whoHasPort(what: string): Promise<string> {
  const [, port, host] = /^Port (\d+) on (\S+) is in use by another program/.exec(what) ?? [];
  if (port === undefined || host === undefined || !(await isHoldfast(host, Number(port)))) return what;
  return what.replace('another program', 'another Holdfast agent, of another home');
}

/** From its last `holdfast:` line on; of one that had no time for that only the error's own line, for a stack helps nobody here. */
function lastWords(paths: HomePaths): { what: string; fix?: string } {
  const lines = readFileSync(paths.startOut, 'utf8').trimEnd().split('\n');
  const from = lines.findLastIndex((line) => line.startsWith('holdfast: '));
  if (from === -1) return { what: lines.find((line) => /^[\w.]*Error\b/.test(line)) ?? '' };
  const words = lines
    .slice(from, from + ERROR_LINES_MAX)
    .join('\n')
    .replace(/^holdfast: /, '');
  const [what = '', fix] = words.split(/\nFix: /);
  return fix === undefined ? { what } : { what, fix };
}

/** The server says so itself; one that cannot be asked is not ready. */
export async function isReady(agent: AgentFile): Promise<boolean> {
  try {
    const answer = await call(localTarget(agent, undefined), { path: '/readyz', timeoutMs: PROBE_MS_MAX });
    return answer.status === 200;
  } catch (error) {
    if (error instanceof CallFailed) return false;
    throw error;
  }
}

async function end({ context: { clock } }: Wait, pid: number, start: string): Promise<void> {
  const until = clock.monotonic() + KILL_AFTER_MS;
  signalIfSame(pid, start, 'SIGTERM');
  while (isSameProcess(pid, start) && clock.monotonic() < until) await pause(clock, POLL_MS);
  signalIfSame(pid, start, 'SIGKILL');
}

const interruptedError = (): CliError =>
  new CliError('Interrupted; nothing was left running.', { exit: EXIT.interrupted, code: 'interrupted' });

function notReady({ waitMs }: Wait, pid: number | undefined): CliError {
  const seconds = waitMs / 1000;
  const options = { exit: EXIT.timedOut, code: 'timeout' };
  if (pid === undefined)
    return new CliError(`The agent was not ready within ${seconds} s and was stopped.`, { ...options, fix: 'holdfast start --foreground' });
  return new CliError(`A server runs here (pid ${pid}) but was not ready within ${seconds} s.`, {
    ...options,
    fix: 'holdfast stop --force && holdfast start',
  });
}
