import { ConfigError } from '../base/errors.ts';

/** Exit codes of the command line; 130 and 143 come from signals. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  authentication: 4,
  timedOut: 5,
  degraded: 6,
  config: 78,
  interrupted: 130,
} as const;

/** A command that did not work: what and why in the message, what to do in `fix` (a command that can be run as it is, where there is one). */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exit: number;
  readonly fix: string | undefined;
  /** Stable word for `--json`. */
  readonly code: string;
  constructor(message: string, { exit, fix, code = 'failed', cause }: { exit: number; fix?: string; code?: string; cause?: unknown }) {
    super(message, { cause });
    this.exit = exit;
    this.fix = fix;
    this.code = code;
  }
}

export const usageError = (message: string, fix: string): CliError => new CliError(message, { exit: EXIT.usage, fix, code: 'usage' });

/** Every error as the command line shows it. What we did not foresee keeps its name and message; the stack is for `--debug`. */
export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof ConfigError) {
    return new CliError(error.message, { exit: EXIT.config, fix: error.fix, code: 'config_invalid', cause: error });
  }
  const said = error instanceof Error ? `${error.name}: ${error.message}` : 'an error without a name';
  return new CliError(`Something unexpected happened. ${said}`, {
    exit: EXIT.failed,
    fix: 'run the command again with --debug',
    code: 'internal',
    cause: error,
  });
}
