/** Retries as a share of requests: a failing provider must not be hammered by everybody's second tries. */
export interface RetryBudget {
  /** Each request pays in its share. */
  deposit(): void;
  /** Takes one retry, or refuses. */
  take(): boolean;
}

const START = 10;
const SHARE = 0.1;

/** A token bucket that starts full with 10 and never holds more. */
export function createRetryBudget(): RetryBudget {
  let tokens = START;
  return {
    deposit() {
      tokens = Math.min(START, tokens + SHARE);
    },
    take() {
      // Ten deposits of 0.1 are a hair less than 1.
      if (tokens < 1 - 1e-9) return false;
      tokens -= 1;
      return true;
    },
  };
}
