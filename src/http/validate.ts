import { z } from 'zod';
import { AppError, type FieldError } from '../base/errors.ts';

const FIELD_ERRORS_MAX = 20;

/** The value as the schema gives it. Throws `invalid_request` with errors that name our own fields and never quote the caller. */
export function parseWith<S extends z.ZodType>(schema: S, value: unknown, status: 400 | 422): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.slice(0, FIELD_ERRORS_MAX).map((issue) => fieldError(issue, schema));
  throw new AppError('invalid_request', { status, errors });
}

/** Below the first level keys are the caller's own (metadata), so the path ends there. */
function fieldError(issue: z.core.$ZodIssue, schema: z.ZodType): FieldError {
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  const field = String(issue.path[0] ?? '');
  const path = known.includes(field) ? field : '';
  if (issue.code === 'unrecognized_keys' && path === '')
    return { path, message: `has a field that is not known; known are ${known.join(', ')}` };
  return { path, message: SAFE_CODES.has(issue.code) ? issue.message : 'is not valid' };
}

/** Codes whose message is built from the schema alone, or from type names. */
const SAFE_CODES: ReadonlySet<string> = new Set(['invalid_type', 'too_big', 'too_small', 'invalid_format', 'invalid_value', 'custom']);
