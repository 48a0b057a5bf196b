// Turns by id, for principals who may see them.
import type { Clock } from '../base/clock.ts';
import type { TurnAnswer } from '../contract/turn.ts';
import type { Principal, Store, StoredTurn } from '../store/store.ts';
import type { Agent } from './agent.ts';
import { liveHandle, storedHandle, viewLive, viewStored } from './handle.ts';
import type { LiveTurn } from './live-turn.ts';

interface LookupParts {
  store: Store;
  live: Map<string, LiveTurn>;
  clock: Clock;
  /** How long a caller who finds a turn by id waits for its end. */
  waitMs: number;
}

export interface Lookup extends Pick<Agent, 'find' | 'view' | 'cancel'> {
  turn(id: string, principal: Principal): Promise<StoredTurn | undefined>;
}

export function createLookup({ store, live, clock, waitMs }: LookupParts): Lookup {
  async function lookUp(id: string, principal: Principal): Promise<StoredTurn | undefined> {
    const turn = live.get(id)?.turn ?? (await store.turns.get(id));
    return turn && maySee(principal, turn) ? turn : undefined;
  }
  return {
    turn: lookUp,
    async find(id, principal) {
      const turn = await lookUp(id, principal);
      if (!turn) return undefined;
      const running = live.get(id);
      return running ? liveHandle(running, clock.monotonic() + waitMs, clock) : storedHandle(store, turn);
    },
    async view(id, principal) {
      const turn = await lookUp(id, principal);
      if (!turn) return undefined;
      const running = live.get(id);
      return running ? viewLive(running) : viewStored(store, turn);
    },
    async cancel(id, principal) {
      const turn = await lookUp(id, principal);
      if (!turn) return undefined;
      const running = live.get(id);
      running?.stop('caller');
      return settled(store, running, turn);
    },
  };
}

const maySee = (principal: Principal, of: { principal: string; tenant: string }): boolean =>
  principal.tenant === of.tenant && (principal.role === 'admin' || principal.id === of.principal);

async function settled(store: Store, running: LiveTurn | undefined, turn: StoredTurn): Promise<TurnAnswer> {
  const ending = await running?.ended;
  if (ending?.kind === 'ended') return ending.turn;
  if (ending?.kind === 'error') throw ending.error;
  return viewStored(store, (await store.turns.get(turn.id)) ?? turn);
}
