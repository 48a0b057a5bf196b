import type { Context } from './context.ts';
import { CliError, EXIT, toCliError } from './failure.ts';
import { printFailure } from './io.ts';
import { createProgram, explainMistake, type Invocation, isCommanderError } from './program.ts';

/** One command line, from its words to its exit code. Never rejects. */
export async function runCommandLine(argv: readonly string[], context: Context): Promise<number> {
  // Usage errors come before the flags are known.
  const invocation: Invocation = { json: argv.includes('--json'), debug: argv.includes('--debug') };
  let exit: number = EXIT.done;
  try {
    if (argv[0] === '--version' || argv[0] === '-v') {
      const { version } = await import('./version.ts');
      return await version(context, {});
    }
    const program = createProgram(
      context,
      (code) => {
        exit = code;
      },
      invocation,
    );
    if (argv.length === 0) {
      program.outputHelp();
      return EXIT.done;
    }
    try {
      await program.parseAsync([...argv], { from: 'user' });
      return exit;
    } catch (error) {
      if (!isCommanderError(error)) throw error;
      const mistake = explainMistake(error, program, argv);
      if (mistake.message === undefined) return mistake.exit;
      const { message, fix } = mistake;
      throw new CliError(message, { exit: mistake.exit, code: 'usage', ...(fix === undefined ? {} : { fix }) });
    }
  } catch (error) {
    return printFailure(context.io, toCliError(error), invocation);
  }
}
