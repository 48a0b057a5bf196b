import type { Clock } from '../base/clock.ts';
import type { Env } from '../base/config.ts';
import type { Io } from './io.ts';
import type { StdinKind } from './stdin-kind.ts';

/** What a verb gets from the world. */
export interface Context {
  io: Io;
  env: Env;
  cwd: string;
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  stdinKind: StdinKind;
  clock: Clock;
  /** The server's program file. */
  program: string;
  /** Calls back on SIGINT instead of ending the process, until the returned function is called. */
  onInterrupt(listener: () => void): () => void;
}

/** Options every verb has. */
export interface CommonFlags {
  json?: boolean;
  debug?: boolean;
}
