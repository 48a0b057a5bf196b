// Verbs that need the store when no server runs have the server's program do it: the command line knows no store.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { Context } from './context.ts';
import { CliError, EXIT } from './failure.ts';

const TASK_MS_MAX = 60 * 60_000;

/** The task's JSON document. Throws CliError with the task's own words when there is none. */
export async function runTask<T>(
  { program, cwd, env }: Pick<Context, 'program' | 'cwd' | 'env'>,
  name: string,
  args: string[] = [],
  msMax = TASK_MS_MAX,
): Promise<T> {
  if (!existsSync(program))
    throw new CliError(`The server is not built (${program} is missing).`, { exit: EXIT.config, fix: 'npm run build', code: 'not_built' });
  const child = spawn(process.execPath, [program, 'task', name, ...args], {
    cwd,
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: msMax,
    killSignal: 'SIGKILL',
  });
  const ended = new Promise<number>((resolve) => {
    child.once('error', () => resolve(EXIT.failed));
    child.once('close', (code) => resolve(code ?? EXIT.failed));
  });
  const [answer, said, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (child.killed)
    throw new CliError(`The task ${name} was ended after ${msMax / 1000} s.`, {
      exit: EXIT.timedOut,
      fix: 'holdfast status',
      code: 'timeout',
    });
  if (code !== 0) throw taskFailed(said, code);
  try {
    return JSON.parse(answer) as T;
  } catch (error) {
    throw new CliError(`The task ${name} gave no answer that can be read.`, { exit: EXIT.failed, fix: 'npm run build', cause: error });
  }
}

function taskFailed(said: string, code: number): CliError {
  const from = said.lastIndexOf('holdfast: ');
  const [what = '', fix] = (from === -1 ? '' : said.slice(from + 'holdfast: '.length)).trimEnd().split(/\nFix: /);
  const message = what === '' ? `The task ended with ${code}.` : what;
  return new CliError(message, {
    exit: code,
    fix: fix ?? 'holdfast config validate',
    code: code === EXIT.config ? 'config_invalid' : 'failed',
  });
}
