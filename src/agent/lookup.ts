// Turns by id, for principals who may see them.
import type { Clock } from '../base/clock.ts';
import type { TurnAnswer } from '../contract/turn.ts';
import { ownerFor, type Principal, type Store, type StoredTurn } from '../store/store.ts';
import type { Agent } from './agent.ts';
import { liveHandle, storedHandle, viewLive, viewStored } from './handle.ts';
import type { LiveTurn } from './live-turn.ts';
import type { LiveTurns } from './live-turns.ts';

interface LookupParts {
  store: Store;
  live: LiveTurns;
  clock: Clock;
  /** How long a caller who finds a turn by id waits for its end. */
  waitMs: number;
}

export interface Lookup extends Pick<Agent, 'find' | 'view' | 'trace' | 'cancel'> {
  turn(id: string, principal: Principal): Promise<StoredTurn | undefined>;
}

export function createLookup({ store, live, clock, waitMs }: LookupParts): Lookup {
  /** A turn the principal may see, with its run when it is under way here. */
  async function lookUp(id: string, principal: Principal): Promise<{ turn: StoredTurn; running: LiveTurn | undefined } | undefined> {
    const found = await live.find(id);
    // Another's run is looked for in the store like any other turn that is not there: neither answer nor time tells them apart.
    const running = found && maySee(principal, found.turn) ? found : undefined;
    const turn = running?.turn ?? (await store.turns.get(id, ownerFor(principal)));
    return turn && maySee(principal, turn) ? { turn, running } : undefined;
  }
  return {
    turn: async (id, principal) => (await lookUp(id, principal))?.turn,
    async find(id, principal) {
      const found = await lookUp(id, principal);
      if (!found) return undefined;
      return found.running ? liveHandle(found.running, clock.monotonic() + waitMs, clock) : storedHandle(store, found.turn);
    },
    async view(id, principal) {
      const found = await lookUp(id, principal);
      if (!found) return undefined;
      return found.running ? viewLive(found.running) : viewStored(store, found.turn);
    },
    async trace(id, principal) {
      const found = await lookUp(id, principal);
      return found && { turn: found.turn, trace: await store.turns.trace(found.turn) };
    },
    async cancel(id, principal, requestId) {
      const found = await lookUp(id, principal);
      if (!found) return undefined;
      const { running, turn } = found;
      if (!running) return settled(store, running, turn);
      const detail = { session: turn.sessionId };
      // Given to the writer before the turn is told, so that the chain has the cause before the effect.
      const noted = store.audit({ principal: principal.id, action: 'turn.cancel', target: id, requestId, outcome: 'ok', detail });
      running.stop('caller');
      const [answer] = await Promise.all([settled(store, running, turn), noted]);
      return answer;
    },
  };
}

const maySee = (principal: Principal, of: { principal: string; tenant: string }): boolean =>
  principal.tenant === of.tenant && (principal.role === 'admin' || principal.id === of.principal);

async function settled(store: Store, running: LiveTurn | undefined, turn: StoredTurn): Promise<TurnAnswer> {
  const ending = await running?.ended();
  if (ending?.kind === 'ended') return ending.turn;
  if (ending?.kind === 'error') throw ending.error;
  return viewStored(store, (await store.turns.get(turn.id)) ?? turn);
}
