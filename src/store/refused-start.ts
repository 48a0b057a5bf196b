import { AppError, ConfigError } from '../base/errors.ts';
import { resultCode } from './sqlite-trouble.ts';
import { readTrouble } from './store-findings.ts';

/** A start that failed for the state of the file, said as what it is; every other error as it came. */
export function explainRefusedStart(error: unknown, path: string): unknown {
  const isStorage = (error instanceof AppError && error.code === 'storage_unavailable') || resultCode(error) !== 0;
  if (!isStorage) return error;
  const { cause, fix, code } = readTrouble(error, path);
  if (code === 0) return error;
  // What may pass by itself is worth another try of a supervisor.
  const mayPass = code === 5 || code === 10 || code === 13;
  return new ConfigError(cause, fix, { cause: error, exitCode: mayPass ? 1 : 78 });
}
