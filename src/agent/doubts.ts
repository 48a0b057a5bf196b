// Turns that are durable but that nobody runs: the disk failed in the middle of an acceptance, so its caller heard "not stored", and it was.
import { type Clock, pause } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { isTerminal } from '../contract/turn.ts';
import type { Store, StoredTurn } from '../store/store.ts';
import type { LiveTurn } from './live-turn.ts';
import type { LiveTurns } from './live-turns.ts';

/** Acceptances in doubt that are looked after; the rest waits for the next start. */
const DOUBTS_MAX = 10_000;
const LOOK_EVERY_MS = 500;

/** Takes over a turn that is open and not under way here; undefined when there is none. Rejects with AppError of the store. */
export type Adopt = (turnId: string) => Promise<LiveTurn | undefined>;

interface AdoptParts {
  store: Store;
  live: LiveTurns;
  draining: AbortSignal;
}

export function createAdopt({ store, live, draining }: AdoptParts, enter: (turn: StoredTurn) => void): Adopt {
  return async (turnId) => {
    const turn = await store.turns.get(turnId);
    if (!turn || isTerminal(turn.status) || draining.aborted) return live.find(turnId);
    // Nothing may come between this question and the announcement, or two callers would adopt the same turn.
    if (!live.has(turnId)) await live.arriving(turnId, async () => enter(await store.turns.reopen(turn)));
    return live.find(turnId);
  };
}

export interface Doubts {
  /** Hands the acceptance through, and looks after it when it fails without saying whether it is durable. */
  watch<T>(turnId: string, accepting: Promise<T>): Promise<T>;
}

export function createDoubts(parts: AdoptParts & { clock: Clock; log: Logger; adopt: Adopt }): Doubts {
  const { store, clock, log, draining, adopt } = parts;
  const doubts = new Set<string>();
  let looking = false;

  async function look(): Promise<void> {
    looking = true;
    while (doubts.size > 0 && !draining.aborted) {
      await pause(clock, LOOK_EVERY_MS, draining);
      if (store.health().writable) await settleAll();
    }
    looking = false;
  }

  async function settleAll(): Promise<void> {
    for (const turnId of doubts) {
      if (draining.aborted) return;
      try {
        const adopted = await adopt(turnId);
        doubts.delete(turnId);
        if (adopted) log.warn('turn.adopted', { turnId, sessionId: adopted.turn.sessionId });
      } catch (error) {
        log.warn('turn.adopt_failed', { turnId, error });
        return;
      }
    }
  }

  return {
    async watch(turnId, accepting) {
      try {
        return await accepting;
      } catch (error) {
        if (error instanceof AppError && error.code === 'storage_unavailable' && doubts.size < DOUBTS_MAX) {
          doubts.add(turnId);
          if (!looking) void look();
        }
        throw error;
      }
    },
  };
}
