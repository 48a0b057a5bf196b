import type { Problem } from '../contract/problem.ts';

/**
 * A request that was not answered as asked. `code` is one of the API's (docs/reference/errors.md), or `network`: no whole answer arrived, and whether
 * the server did anything is not known; send again with the same `idempotencyKey`.
 */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';
  readonly code: string;
  /** HTTP status, 0 without an answer. */
  readonly status: number;
  readonly requestId: string | undefined;
  /** The turn this is about, when there is one. */
  readonly turnId: string | undefined;
  /** Seconds after which another attempt makes sense. */
  readonly retryAfterS: number | undefined;
  readonly problem: Problem | undefined;

  constructor(about: { code: string; status: number; message: string; problem?: Problem; retryAfterS?: number; cause?: unknown }) {
    super(about.message, about.cause === undefined ? undefined : { cause: about.cause });
    this.code = about.code;
    this.status = about.status;
    this.problem = about.problem;
    this.requestId = about.problem?.requestId;
    this.turnId = about.problem?.turnId;
    this.retryAfterS = about.retryAfterS;
  }
}

/** What a response that is not a success says. Never rejects. */
export async function failureOf(response: Response): Promise<HoldfastError> {
  const { status } = response;
  const after = Number(response.headers.get('retry-after') ?? Number.NaN);
  const retry = Number.isFinite(after) ? { retryAfterS: after } : {};
  const body: unknown = await response.json().catch(() => undefined);
  if (typeof body === 'object' && body !== null && 'code' in body && 'title' in body) {
    const problem = body as Problem;
    const fields = problem.errors?.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
    return new HoldfastError({
      code: problem.code,
      status,
      message: fields ? `${problem.title} ${fields}` : problem.title,
      problem,
      ...retry,
    });
  }
  return new HoldfastError({
    code: 'unexpected',
    status,
    message: `The server answered ${status} with something that is not Holdfast's.`,
    ...retry,
  });
}

export const networkError = (cause: unknown): HoldfastError =>
  new HoldfastError({ code: 'network', status: 0, message: 'The server could not be reached, or the connection broke.', cause });
