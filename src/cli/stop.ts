import { pause } from '../base/clock.ts';
import { type AgentFile, readStopped, type StoppedFile } from '../base/home.ts';
import { isSameProcess, signalIfSame } from '../base/process.ts';
import type { CommonFlags, Context } from './context.ts';
import { parseDuration } from './duration.ts';
import { CliError, EXIT } from './failure.ts';
import { isStartUnderWay } from './start-lock.ts';
import { createFinder, type Finder, requireLocal } from './target.ts';

export interface StopFlags extends CommonFlags {
  timeout?: string;
  force?: boolean;
}

export interface Stopped {
  wasRunning: boolean;
  /** It did not end in time and was killed; its open turns are resumed at the next start. */
  forced: boolean;
  seconds: number;
  /** What the server said in the end; absent when it could not. */
  told?: StoppedFile;
}

const POLL_MS = 25;
const KILL_MS_MAX = 5_000;

export async function stop(context: Context, flags: StopFlags): Promise<number> {
  const stopped = await stopAgent(context, flags);
  printStopped(context, stopped, flags);
  return EXIT.done;
}

/** Gone, or already stopped. Throws CliError when it is still there in the end. */
export async function stopAgent(context: Context, flags: StopFlags): Promise<Stopped> {
  const timeoutMs = parseDuration(flags.timeout ?? '30s', '--timeout', 'holdfast stop --timeout 30s');
  const finder = createFinder(context);
  requireLocal(finder, 'stop');
  const { clock, io } = context;
  const began = clock.monotonic();
  const until = began + timeoutMs;
  const agent = await runningAgent(context, finder, until);
  if (!agent) return { wasRunning: false, forced: false, seconds: 0 };
  if (signalIfSame(agent.pid, agent.processStart, 'SIGTERM') === 'denied') {
    throw new CliError(`The agent (pid ${agent.pid}) belongs to another user.`, {
      exit: EXIT.failed,
      fix: `sudo kill ${agent.pid}`,
      code: 'not_permitted',
    });
  }
  if (io.err.isTerminal && !flags.json) io.err.line(io.err.paint('dim', 'Stopping; open turns are finished first…'));
  await gone(context, agent, until);
  const forced = isSameProcess(agent.pid, agent.processStart) && flags.force === true;
  if (forced) {
    signalIfSame(agent.pid, agent.processStart, 'SIGKILL');
    await gone(context, agent, clock.monotonic() + KILL_MS_MAX);
  }
  if (isSameProcess(agent.pid, agent.processStart)) {
    const what = `The agent (pid ${agent.pid}) is still finishing its open turns after ${timeoutMs / 1000} s.`;
    throw new CliError(what, { exit: EXIT.timedOut, fix: 'holdfast stop --force', code: 'timeout' });
  }
  const told = readStopped(finder.paths, agent.pid);
  const seconds = (clock.monotonic() - began) / 1000;
  return { wasRunning: true, forced, seconds, ...(told && !forced ? { told } : {}) };
}

/** A server that a `start` is bringing up right now is waited for: otherwise it would outlive the stop. */
async function runningAgent({ clock }: Context, finder: Finder, until: number): Promise<AgentFile | undefined> {
  for (;;) {
    const agent = finder.running();
    if (agent || !isStartUnderWay(finder.paths) || clock.monotonic() >= until) return agent;
    await pause(clock, POLL_MS);
  }
}

async function gone({ clock }: Context, agent: AgentFile, until: number): Promise<void> {
  while (isSameProcess(agent.pid, agent.processStart) && clock.monotonic() < until) await pause(clock, POLL_MS);
}

function printStopped({ io: { out } }: Context, stopped: Stopped, flags: CommonFlags): void {
  const { wasRunning, forced, told } = stopped;
  const seconds = Math.round((told?.seconds ?? stopped.seconds) * 10) / 10;
  if (flags.json) {
    out.line(
      JSON.stringify({ stopped: true, wasRunning, forced, drained: told?.drained ?? null, seconds, sessionId: told?.sessionId ?? null }),
    );
  } else if (!wasRunning) out.line('Agent is not running.');
  else if (forced)
    out.line(out.paint('yellow', `⚠️  Agent killed after ${seconds.toFixed(1)} s. Open turns are resumed at the next start.`));
  else {
    const drained = told
      ? `drained ${told.drained} ${told.drained === 1 ? 'turn' : 'turns'} in ${seconds.toFixed(1)} s`
      : `in ${seconds.toFixed(1)} s`;
    const saved = told?.sessionId ? ` Session ${told.sessionId} saved.` : '';
    out.line(out.paint('green', `✅ Agent stopped (${drained}).${saved}`));
  }
}
