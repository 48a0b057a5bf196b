// The agent's status in bounded time: an agent that hangs is told from one that is busy, with its way out.
import type { Status } from '../contract/status.ts';
import { CliError, EXIT } from './failure.ts';
import { type Answer, answerError, CallFailed, call, callError } from './http-client.ts';
import type { Target } from './target.ts';

/** An agent that does its work answers within milliseconds. */
export const STATUS_MS_MAX = 4_000;
/** Models may take a few seconds each, all at once. */
const DEEP_MS_MAX = 30_000;

export const HANGS_FIX =
  'holdfast stop --timeout 5s --force && holdfast start   # it does not stop by itself; what was accepted is answered after the start';

/** Throws CliError; `timeout` when the agent hangs. */
export async function askStatus(target: Target, { deep = false } = {}): Promise<Status> {
  if (deep) await ask(target, '/livez', STATUS_MS_MAX);
  const answer = await ask(target, deep ? '/v1/status?deep=true' : '/v1/status', deep ? DEEP_MS_MAX : STATUS_MS_MAX);
  if (answer.status >= 400) throw answerError(target, answer);
  return answer.body as Status;
}

async function ask(target: Target, path: string, timeoutMs: number): Promise<Answer> {
  try {
    return await call(target, { path, timeoutMs });
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
    throw error.code === 'TIMEOUT' && timeoutMs <= STATUS_MS_MAX ? hangs(target, timeoutMs, error) : callError(target, error);
  }
}

/** A request that any living agent answers at once got no answer. */
export function hangs(target: Target, waitedMs: number, cause: CallFailed): CliError {
  const what = `The agent at ${target.baseUrl} does not answer: it hangs, or the machine is far too busy (waited ${waitedMs / 1000} s).`;
  const fix = target.isLocal ? HANGS_FIX : 'on its machine: holdfast stop --timeout 5s --force && holdfast start';
  return new CliError(what, { exit: EXIT.timedOut, fix, code: 'timeout', cause });
}
