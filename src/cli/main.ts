// The command line as a process.
import { systemClock } from '../base/clock.ts';
import { processEnv } from '../base/config.ts';
import type { Context } from './context.ts';
import { EXIT } from './failure.ts';
import { createIo } from './io.ts';
import { serverProgram } from './program-files.ts';
import { runCommandLine } from './run.ts';
import { stdinKind } from './stdin-kind.ts';

/** The reader of our output went away (`holdfast logs | head -1`): nobody is left to tell anything. */
function leaveQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  process.exit(process.exitCode ?? EXIT.done);
}

function onInterrupt(listener: () => void): () => void {
  let presses = 0;
  const onSignal = () => {
    presses++;
    // A second Ctrl-C means now.
    if (presses > 1) process.exit(EXIT.interrupted);
    listener();
  };
  process.on('SIGINT', onSignal);
  return () => process.off('SIGINT', onSignal);
}

process.stdout.on('error', leaveQuietly);
process.stderr.on('error', leaveQuietly);
const env = processEnv();
const context: Context = {
  io: createIo(process.stdout, process.stderr, env),
  env,
  cwd: process.cwd(),
  stdin: process.stdin,
  stdinKind: stdinKind(),
  clock: systemClock,
  program: serverProgram(),
  onInterrupt,
};
process.exitCode = await runCommandLine(process.argv.slice(2), context);
