// `holdfast chat` without a message, at a terminal: one line, one turn, until the input ends.
import { createInterface } from 'node:readline';
import type { Context } from './context.ts';
import { EXIT, toCliError } from './failure.ts';
import { printFailure } from './io.ts';

export interface Conversation {
  sessionId: string | undefined;
  /** Prints the answer and resolves with an exit code. */
  send(message: string, sessionId: string | undefined): Promise<number>;
}

/** A turn that fails is told and the conversation goes on; Ctrl-C cancels a turn, at the prompt it leaves. */
export async function converse(context: Context, { sessionId, send }: Conversation): Promise<number> {
  const { io, stdin } = context;
  io.err.line(io.err.paint('dim', 'Write a message and press Enter. Leave with /exit or Ctrl-D.'));
  const lines = createInterface({ input: stdin, output: process.stderr, terminal: true, prompt: io.err.paint('bold', 'you › ') });
  let isLeaving = false;
  lines.on('SIGINT', () => {
    isLeaving = true;
    lines.close();
  });
  lines.prompt();
  for await (const line of lines) {
    const message = line.trim();
    if (message === '/exit' || message === '/quit') break;
    if (message !== '') {
      lines.pause();
      try {
        await send(message, sessionId);
      } catch (error) {
        printFailure(io, toCliError(error), { json: false, debug: false });
      }
      lines.resume();
    }
    lines.prompt();
  }
  lines.close();
  io.err.line();
  return isLeaving ? EXIT.interrupted : EXIT.done;
}
