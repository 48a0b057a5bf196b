// The command line inside a test: captured outputs, a folder of its own, a terminal or not.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { systemClock } from '../../src/base/clock.ts';
import type { Env } from '../../src/base/config.ts';
import type { Context } from '../../src/cli/context.ts';
import { createIo } from '../../src/cli/io.ts';
import { runCommandLine } from '../../src/cli/run.ts';

export interface CliTest {
  context: Context;
  cwd: string;
  /** Runs one command line and gives what it printed by then. */
  run(...argv: string[]): Promise<{ exit: number; out: string; err: string }>;
  /** Presses Ctrl-C. */
  interrupt(): void;
  /** Resolves when stdout holds that text. */
  printed(text: string): Promise<void>;
}

/** A pipe that stays open and says nothing. */
export const OPEN = Symbol('open');

export function createCliTest(
  options: { env?: Env; terminal?: boolean; stdin?: string | typeof OPEN; program?: string; cwd?: string } = {},
): CliTest {
  const { env = {}, terminal = false, stdin } = options;
  const cwd = options.cwd ?? mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
  const out = createSink(terminal);
  const err = createSink(terminal);
  const listeners = new Set<() => void>();
  const isOpen = stdin === undefined || stdin === OPEN;
  const input = isOpen ? new PassThrough() : Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]);
  const context: Context = {
    io: createIo(out.sink, err.sink, env),
    env,
    cwd,
    stdin: input,
    stdinKind: stdin === undefined ? 'nothing' : 'pipe',
    clock: systemClock,
    program: options.program ?? '/nowhere/main.js',
    onInterrupt(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return {
    context,
    cwd,
    async run(...argv) {
      const from = [out.text().length, err.text().length] as const;
      const exit = await runCommandLine(argv, context);
      return { exit, out: out.text().slice(from[0]), err: err.text().slice(from[1]) };
    },
    interrupt() {
      for (const listener of listeners) listener();
    },
    printed: (text) => out.printed(text),
  };
}

function createSink(isTTY: boolean) {
  let text = '';
  const waiting = new Set<() => void>();
  const sink = Object.assign(
    new Writable({
      write(piece: Buffer, _encoding, done) {
        text += piece.toString('utf8');
        for (const look of waiting) look();
        done();
      },
    }),
    { isTTY, columns: 100 },
  );
  const printed = (wanted: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!text.includes(wanted)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return { sink, text: () => text, printed };
}
