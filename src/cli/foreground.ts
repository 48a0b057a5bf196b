// `start --foreground`: the server takes this process over, so signals and the exit code are its own.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Context } from './context.ts';
import { CliError, EXIT } from './failure.ts';
import { type ServerFlags, serverArguments } from './launch.ts';

const SIGNAL_EXIT: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143, SIGKILL: 137 };

export async function foreground({ env, program }: Context, flags: ServerFlags): Promise<number> {
  if (!existsSync(program))
    throw new CliError(`The server is not built (${program} is missing).`, { exit: EXIT.config, fix: 'npm run build', code: 'not_built' });
  const args = [program, ...serverArguments(flags)];
  const set = Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
  if (typeof process.execve === 'function') {
    // Its warning about being experimental would be the first line people see.
    process.removeAllListeners('warning');
    process.execve(process.execPath, [process.execPath, ...args], set);
  }
  return supervise(args, set);
}

/** Where a process cannot be replaced (Windows), a child is the next best thing. */
function supervise(args: string[], env: Record<string, string>): Promise<number> {
  const child = spawn(process.execPath, args, { env, stdio: 'inherit' });
  const pass = (signal: NodeJS.Signals) => child.kill(signal);
  process.on('SIGINT', pass);
  process.on('SIGTERM', pass);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? (signal ? (SIGNAL_EXIT[signal] ?? EXIT.failed) : EXIT.failed)));
  });
}
