import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import type { Env } from '../base/config.ts';
import { type CliError, EXIT } from './failure.ts';
import { plain } from './plain.ts';
import { runnable } from './program-files.ts';

export type Style = Parameters<typeof styleText>[0];

/** One of the two outputs: stdout is the answer, stderr is progress. */
export interface Channel {
  isTerminal: boolean;
  columns: number;
  /** Our own text, printed as it is. */
  write(text: string): void;
  line(text?: string): void;
  /** Coloured on a terminal that wants it, otherwise the text itself. */
  paint(style: Style, text: string): string;
  /** Text of others, made harmless. */
  safe(text: string): string;
}

export interface Io {
  out: Channel;
  err: Channel;
}

type Sink = Writable & { isTTY?: boolean; columns?: number };

export function createIo(stdout: Sink, stderr: Sink, env: Env): Io {
  return { out: createChannel(stdout, env), err: createChannel(stderr, env) };
}

/** FORCE_COLOR is not looked at: a pipe never gets an escape byte. */
function createChannel(sink: Sink, env: Env): Channel {
  const isTerminal = sink.isTTY === true;
  const hasColour = isTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
  const write = (text: string) => {
    sink.write(text);
  };
  return {
    isTerminal,
    get columns() {
      return sink.columns ?? 80;
    },
    write,
    line: (text = '') => write(`${text}\n`),
    paint: (style, text) => (hasColour ? styleText(style, text, { validateStream: false }) : text),
    safe: (text) => plain(text, { terminal: isTerminal }),
  };
}

/** What, why, `Fix:`. With `--json` the same as the one document on stdout. Returns the exit code. */
export function printFailure(io: Io, failure: CliError, { json, debug }: { json: boolean; debug: boolean }): number {
  const { err, out } = io;
  err.line(`${err.paint('red', 'holdfast:')} ${err.safe(failure.message)}`);
  if (failure.fix !== undefined) err.line(`${err.paint('bold', 'Fix:')} ${err.safe(runnable(failure.fix))}`);
  if (debug)
    for (let cause: unknown = failure; cause instanceof Error; cause = cause.cause) err.line(err.safe(cause.stack ?? cause.message));
  if (json && failure.exit !== EXIT.interrupted) {
    out.line(
      JSON.stringify({
        error: { code: failure.code, message: failure.message, fix: failure.fix === undefined ? null : runnable(failure.fix) },
      }),
    );
  }
  return failure.exit;
}
