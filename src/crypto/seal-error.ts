/**
 * A record or a wrapped key that does not open. It says nothing more on purpose: which byte was wrong, whether the key, the place or the
 * version differed, would only help whoever changed it.
 */
export class SealError extends Error {
  override readonly name = 'SealError';
  readonly code = 'seal_broken';
  constructor() {
    super('This does not open.');
  }
}
