import { problemOf } from '../agent/problem-of.ts';
import { AppError, type ErrorCode } from '../base/errors.ts';
import type { Reply } from './call.ts';
import { turnLocation } from './present-turn.ts';

/** Seconds a caller should wait where the thrower did not say. */
const RETRY_AFTER_S: Partial<Record<ErrorCode, number>> = {
  rate_limited: 1,
  overloaded: 1,
  draining: 2,
  storage_unavailable: 2,
  model_unavailable: 5,
};

/** What callers learn of any failure: of one that is not ours, nothing but that it happened. */
export const asAppError = (error: unknown): AppError => (error instanceof AppError ? error : new AppError('internal', { cause: error }));

/** Total: whatever was thrown, an answer of our own words comes out. */
export function problemReply(thrown: unknown, requestId: string): Reply {
  const error = asAppError(thrown);
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
  const afterMs = error.details.retryAfterMs;
  const afterS = afterMs === undefined ? RETRY_AFTER_S[error.code] : Math.max(1, Math.ceil(afterMs / 1000));
  if (afterS !== undefined) headers['retry-after'] = String(afterS);
  if (error.code === 'unauthenticated') headers['www-authenticate'] = 'Bearer realm="holdfast"';
  const { turnId } = error.details;
  if (error.code === 'draining' && turnId !== undefined) headers.location = turnLocation(turnId);
  return { status: error.status, headers, body: JSON.stringify(problemOf(error, requestId)) };
}

/** The code that goes with a status Node itself decided on. */
export function codeForParserError(code: string | undefined): ErrorCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large';
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 'payload_too_large';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request_timeout';
  return 'invalid_request';
}
