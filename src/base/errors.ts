/**
 * The one table of errors a caller can meet (RFC 9457 problem types). `sentence` is safe to show to anyone:
 * it never carries input, provider text or secrets. Everything else about a failure goes to the log.
 */
export const ERRORS = {
  invalid_request: { status: 400, retryable: false, sentence: 'The request is not valid.' },
  unauthenticated: { status: 401, retryable: false, sentence: 'A valid API key is needed.' },
  forbidden: { status: 403, retryable: false, sentence: 'This key may not do that.' },
  not_found: { status: 404, retryable: false, sentence: 'There is nothing here for you.' },
  method_not_allowed: { status: 405, retryable: false, sentence: 'This path does not take that method.' },
  request_timeout: { status: 408, retryable: true, sentence: 'The request did not arrive in time.' },
  conflict: { status: 409, retryable: false, sentence: 'The request conflicts with the present state.' },
  payload_too_large: { status: 413, retryable: false, sentence: 'The request body is too large.' },
  unsupported_media_type: { status: 415, retryable: false, sentence: 'The body must be application/json.' },
  idempotency_mismatch: { status: 422, retryable: false, sentence: 'This Idempotency-Key was used with another body.' },
  rate_limited: { status: 429, retryable: true, sentence: 'Too many requests.' },
  headers_too_large: { status: 431, retryable: false, sentence: 'The request headers are too large.' },
  internal: { status: 500, retryable: false, sentence: 'Something went wrong on our side.' },
  model_unavailable: { status: 503, retryable: true, sentence: 'No model could answer.' },
  overloaded: { status: 503, retryable: true, sentence: 'The agent is at capacity.' },
  draining: { status: 503, retryable: true, sentence: 'The agent is shutting down or starting.' },
  storage_unavailable: { status: 503, retryable: true, sentence: 'The message could not be stored; it was not accepted.' },
} as const satisfies Record<string, { status: number; retryable: boolean; sentence: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** One field that was wrong in a request: a JSON path and a sentence that does not quote the value. */
export interface FieldError {
  path: string;
  message: string;
}

export interface AppErrorDetails {
  /** Replaces the table's sentence. Must be as safe: fixed text and our own names only. */
  sentence?: string;
  /** Replaces the table's status where the contract allows two (invalid_request 400/422). */
  status?: number;
  errors?: FieldError[];
  turnId?: string;
  retryAfterMs?: number;
  cause?: unknown;
}

/** A failure with a stable code. Made where the meaning is known, rendered once at the edge. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly details: AppErrorDetails;
  constructor(code: ErrorCode, details: AppErrorDetails = {}) {
    super(details.sentence ?? ERRORS[code].sentence, { cause: details.cause });
    this.code = code;
    this.details = details;
  }
  get status(): number {
    return this.details.status ?? ERRORS[this.code].status;
  }
  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/**
 * A start-up that must not go on: printed as what, why and `Fix:`. Exit code 78 (sysexits EX_CONFIG) tells a supervisor not to try again;
 * 1 is for what may pass by itself, such as a port or a home that another process still holds.
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly fix: string;
  readonly exitCode: 1 | 78;
  constructor(message: string, fix: string, options: { cause?: unknown; exitCode?: 1 | 78 } = {}) {
    super(message, { cause: options.cause });
    this.fix = fix;
    this.exitCode = options.exitCode ?? 78;
  }
}
