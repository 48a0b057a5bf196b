import { writeSync } from 'node:fs';
import { type Clock, systemClock } from './clock.ts';
import type { LogSink } from './log.ts';
import { createLogBuffer } from './log-buffer.ts';

const STDOUT = 1;
/** A pipe holds 64 KiB; a reader that is only slow makes room for more within milliseconds. */
const RETRY_MS_MAX = 50;

/**
 * JSON lines on standard output, for containers. A closed pipe never ends the process and a reader that stalls never stalls us: the
 * descriptor does not block, lines wait in a buffer of 1 MiB, then are dropped and counted.
 *
 * The thread pool is of no use here: a write that blocks in it holds its thread for ever, and Node then cannot exit.
 */
export function createLogStdout({ clock = systemClock, onDrop }: { clock?: Clock; onDrop?: (lines: number) => void } = {}): LogSink {
  // Touching the stream makes Node set O_NONBLOCK on a pipe or socket. Somebody else's write to it may fail too, and must not end us.
  process.stdout.on('error', () => {});
  const write = (chunk: Buffer): number => writeSync(STDOUT, chunk);
  return createLogBuffer({
    target: {
      retryMsMax: RETRY_MS_MAX,
      write: async (chunk) => write(chunk),
      writeSync: write,
      landedSync: () => 0,
      close: async () => {},
    },
    clock,
    ...(onDrop && { onDrop }),
  });
}
