import { loadConfig } from '../base/config.ts';
import type { Context } from './context.ts';
import { givenFlags } from './launch.ts';
import { printStarted, type StartFlags, startAgent } from './start.ts';
import { stopAgent } from './stop.ts';

export interface RestartFlags extends Omit<StartFlags, 'foreground'> {
  timeout?: string;
  force?: boolean;
}

/** The settings are checked before anything is stopped: a typing error must not cost a running agent. */
export async function restart(context: Context, flags: RestartFlags): Promise<number> {
  const given = givenFlags(flags, 'restart');
  await loadConfig({ flags: given, env: context.env, cwd: context.cwd });
  await stopAgent(context, flags);
  printStarted(context, await startAgent(context, flags), flags);
  return 0;
}
