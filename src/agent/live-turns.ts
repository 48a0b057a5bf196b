// The turns under way in this process, by id.
import type { LiveTurn } from './live-turn.ts';

export interface LiveTurns {
  readonly size: number;
  all(): LiveTurn[];
  /** Also waits for a turn whose acceptance is on its way: the data may show it to a reader before this process has heard that it is durable. */
  find(turnId: string): Promise<LiveTurn | undefined>;
  has(turnId: string): boolean;
  add(live: LiveTurn): void;
  remove(turnId: string): void;
  /** Runs an acceptance that will `add` the turn, or fail. */
  arriving<T>(turnId: string, accept: () => Promise<T>): Promise<T>;
}

export function createLiveTurns(): LiveTurns {
  const live = new Map<string, LiveTurn>();
  /** At most one per request under way. */
  const arrivals = new Map<string, Promise<unknown>>();
  return {
    get size() {
      return live.size;
    },
    all: () => [...live.values()],
    async find(turnId) {
      const arrival = arrivals.get(turnId);
      if (arrival) await arrival.catch(() => undefined); // a failed acceptance is its own caller's affair
      return live.get(turnId);
    },
    has: (turnId) => live.has(turnId) || arrivals.has(turnId),
    add: (turn) => void live.set(turn.turn.id, turn),
    remove: (turnId) => void live.delete(turnId),
    async arriving(turnId, accept) {
      const arrival = accept();
      arrivals.set(turnId, arrival);
      try {
        return await arrival;
      } finally {
        arrivals.delete(turnId);
      }
    },
  };
}
