/** What the load generator is asked to do, and what it answers. Both cross a process border as JSON. */
export interface Job {
  port: number;
  authorization: string;
  /** Clients at once; each has a session of its own and waits for its answer before it sends the next message. */
  concurrency: number;
  turns: number;
  /** Every client sends the same number of turns: for warming. Otherwise the quick ones take more. */
  evenly?: boolean;
  stream: boolean;
  /** Text every reply must contain. */
  expect: string;
  /** Sessions are kept between jobs of one target, so that their history stays. */
  target: string;
}

export interface JobResult {
  turns: number;
  seconds: number;
  latencyMs: Percentiles;
  /** Request sent to first `text.delta`; only of streams. */
  firstTokenMs: Percentiles | null;
  /** Answers that were not a completed 200 with the expected text. */
  bad: number;
  firstBad: string | null;
}

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

export function percentiles(values: readonly number[]): Percentiles {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

/** About 220 characters, as a person would type; never twice the same. */
export function messageText(session: number, turn: number): string {
  const text = `Message ${turn} of conversation ${session}. Please read what we wrote so far and tell me in a sentence or two whether the plan for the next release still holds, and which of its parts you would look at first and why.`;
  return text.length > 220 ? text.slice(0, 220) : text.padEnd(220, '.');
}

export const REPLY =
  'The plan holds. Look at the store first: everything else waits for it, and a mistake there is the dearest to undo later. After that the order does not matter much, as long as each part has a test that can fail before you ship.';
