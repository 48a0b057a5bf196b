import type { AppError } from '../base/errors.ts';
import type { Problem } from '../contract/problem.ts';

/** The one rendering of an error for callers (RFC 9457); protocols wrap it, nobody writes another. */
export function problemOf(error: AppError, requestId: string): Problem {
  const { errors, turnId } = error.details;
  return {
    type: `urn:holdfast:error:${error.code}`,
    title: error.message,
    status: error.status,
    code: error.code,
    requestId,
    ...(turnId ? { turnId } : {}),
    ...(errors ? { errors } : {}),
  };
}
