// What a message is made of: the words of the command line, what was piped in, or both.
import type { Context } from './context.ts';
import { CliError, EXIT, usageError } from './failure.ts';
import { runnable } from './program-files.ts';

const STDIN_BYTES_MAX = 4 * 1024 * 1024;
/** How long a pipe that says nothing is waited for when there is a message already: whoever started us may just have left it open. */
export const FIRST_BYTE_MS_MAX = 3_000;

/**
 * Words alone are the message. A last word `-`, or no words, means standard input, waited for as long as it takes. Words with a pipe or a file on
 * standard input: both, with an empty line between; a pipe without a first byte in time is left alone, and that is said. Throws CliError.
 */
export async function messageFrom(context: Context, words: readonly string[]): Promise<string> {
  const asksForInput = words.length === 0 || words.at(-1) === '-';
  const spoken = (asksForInput ? words.slice(0, -1) : words).join(' ');
  if (asksForInput) {
    const input = await readAll(context);
    if (spoken.trim() === '') return input;
    if (input.trim() === '') throw usageError('Standard input is empty.', 'leave out the "-", or check the command before the |');
    return joined(spoken, input);
  }
  if (context.stdinKind !== 'pipe' && context.stdinKind !== 'file') return spoken;
  if (await speaksInTime(context)) return joined(spoken, await readAll(context));
  context.stdin.pause();
  const { err } = context.io;
  err.line(
    `${err.paint('yellow', 'Note:')} nothing came on standard input for ${FIRST_BYTE_MS_MAX / 1000} s; the message is sent without it.`,
  );
  err.line(`To wait longer end the message with "-"; to skip this: ${runnable('holdfast chat "…" < /dev/null')}`);
  return spoken;
}

const joined = (spoken: string, input: string): string => (input.trim() === '' ? spoken : `${spoken}\n\n${input}`);

/** True also when the input is over. */
function speaksInTime({ stdin, clock }: Context): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (speaks: boolean) => {
      timer.cancel();
      for (const event of ['readable', 'end', 'error']) stdin.off(event, speaking);
      resolve(speaks);
    };
    const speaking = () => settle(true);
    const timer = clock.after(FIRST_BYTE_MS_MAX, () => settle(false));
    for (const event of ['readable', 'end', 'error']) stdin.on(event, speaking);
  });
}

async function readAll({ stdin }: Context): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of stdin) {
    const buffer = Buffer.from(piece);
    bytes += buffer.length;
    if (bytes > STDIN_BYTES_MAX) throw usageError('The message on standard input is larger than 4 MiB.', 'send a shorter message');
    pieces.push(buffer);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces)).replace(/\n$/, '');
  } catch (error) {
    throw new CliError('Standard input is not UTF-8 text.', {
      exit: EXIT.usage,
      fix: 'iconv -t utf-8 <file> | holdfast chat -',
      code: 'usage',
      cause: error,
    });
  }
}
