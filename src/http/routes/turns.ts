import type { Agent } from '../../agent/agent.ts';
import { AppError } from '../../base/errors.ts';
import { isId } from '../../base/ids.ts';
import type { TurnAnswer } from '../../contract/turn.ts';
import type { Store } from '../../store/store.ts';
import { type Call, type HandlersOf, json } from '../call.ts';
import { listQueryOf, pageOf } from '../paging.ts';
import { presentTrace } from '../present-trace.ts';
import { presentTurn } from '../present-turn.ts';
import type { ReadingNotes } from '../reading-notes.ts';
import { positionOf, type TurnStreams } from '../turn-streams.ts';

type TurnRoutes = 'listTurns' | 'getTurn' | 'traceTurn' | 'turnEvents' | 'cancelTurn';

interface TurnParts {
  agent: Agent;
  store: Store;
  streams: TurnStreams;
  readings: ReadingNotes;
}

export function turnHandlers({ agent, store, streams, readings }: TurnParts): HandlersOf<TurnRoutes> {
  /** Only an operator can come upon the words of another. */
  async function noteReading({ principal, requestId }: Call, turnId: string): Promise<void> {
    const turn = principal.role === 'admin' ? await store.turns.get(turnId) : undefined;
    if (turn) await readings.read(principal, requestId, [turn]);
  }
  return {
    async listTurns(call) {
      const { sessionId, status, reason, model, since, until } = call.query;
      const open = status === 'queued' || status === 'running';
      const wanted = open ? { open } : status && { status };
      const narrowed = {
        ...(reason && { reason }),
        ...(model && { model }),
        ...(since && { since: Date.parse(since) }),
        ...(until && { until: Date.parse(until) }),
      };
      const listed = await store.turns.list({ ...listQueryOf(call), ...(sessionId && { sessionId }), ...wanted, ...narrowed });
      await readings.read(call.principal, call.requestId, listed.items);
      const views = await Promise.all(listed.items.map((turn) => viewOrNothing(agent, turn.id, call)));
      // A page of open turns may be short: which of them waits and which runs is known only here.
      const items = views.filter((view) => view !== undefined && (!open || view.status === status));
      return json(200, pageOf({ items, nextCursor: listed.nextCursor }));
    },
    async getTurn(call) {
      const answer = found(await agent.view(turnIdOf(call), call.principal));
      await noteReading(call, answer.turnId);
      return presentTurn(answer);
    },
    async traceTurn(call) {
      return json(200, presentTrace(found(await agent.trace(turnIdOf(call), call.principal))));
    },
    async turnEvents(call) {
      positionOf(call.view);
      const handle = found(await agent.find(turnIdOf(call), call.principal));
      await noteReading(call, handle.turnId);
      return streams.reply(call, handle);
    },
    async cancelTurn(call) {
      return presentTurn(found<TurnAnswer>(await agent.cancel(turnIdOf(call), call.principal, call.requestId)));
    },
  };
}

/** A turn whose reply is damaged says so when it is asked for; it must not take the whole list with it. */
async function viewOrNothing(agent: Agent, turnId: string, call: Call): Promise<TurnAnswer | undefined> {
  try {
    return await agent.view(turnId, call.principal);
  } catch (error) {
    if (error instanceof AppError && error.code === 'internal') return undefined;
    throw error;
  }
}

/** Throws `not_found` for anything that cannot be a turn's id: no look-up for made-up text. */
export function turnIdOf(call: Pick<Call, 'id'>): string {
  if (!isId(call.id, 'trn')) throw new AppError('not_found');
  return call.id;
}

export function found<T>(value: T | undefined): T {
  if (value === undefined) throw new AppError('not_found');
  return value;
}
