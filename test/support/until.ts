import { setTimeout as wait } from 'node:timers/promises';

/** Asks until there is an answer that is neither undefined nor false; rejects after `ms`. For things only another process decides. */
export async function until<T>(
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  { ms = 5_000, everyMs = 10, what = () => 'a condition' }: { ms?: number; everyMs?: number; what?: () => string } = {},
): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`waited ${ms} ms for ${what()}`);
    await wait(everyMs);
  }
}
