// A turn as one caller sees it.
import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { isTerminal, type TurnAnswer } from '../contract/turn.ts';
import type { Store, StoredTurn } from '../store/store.ts';
import type { Outcome, TurnHandle } from './agent.ts';
import { presentOpen, presentTurn } from './answer.ts';
import { storedCursor } from './feed.ts';
import type { Ending, LiveTurn } from './live-turn.ts';

/** How long past its deadline a caller waits for an end that is being written: P6 allows 250 ms. */
const GRACE_MS = 200;

/** `until`: monotonic time at which this caller stops waiting. */
export function liveHandle(live: LiveTurn, until: number, clock: Clock): TurnHandle {
  return {
    turnId: live.turn.id,
    sessionId: live.turn.sessionId,
    events: (from) => live.feed.cursor(from),
    outcome: () =>
      new Promise<Outcome>((resolve) => {
        const open = (draining: boolean) => resolve({ kind: 'open', turn: viewLive(live), draining });
        const timer = clock.after(until + GRACE_MS - clock.monotonic(), () => open(false), true);
        void live.ended().then((ending: Ending) => {
          timer.cancel();
          if (ending.kind === 'left') open(true);
          else if (ending.kind === 'gone') resolve({ kind: 'error', error: new AppError('not_found') });
          else resolve(ending);
        });
      }),
  };
}

export const viewLive = (live: LiveTurn): TurnAnswer => presentOpen(live.turn, live.state, live.waitingFor);

/** A turn that is not under way in this process: ended, or left open. */
export async function storedHandle(store: Store, turn: StoredTurn): Promise<TurnHandle> {
  const answer = await viewStored(store, turn);
  const ended = isTerminal(turn.status);
  return {
    turnId: turn.id,
    sessionId: turn.sessionId,
    outcome: async () => (ended ? { kind: 'ended', turn: answer } : { kind: 'open', turn: answer, draining: true }),
    events: (from) => (ended ? storedCursor(answer, turn.attempt, from) : { next: async () => [], close: () => undefined }),
  };
}

export async function viewStored(store: Store, turn: StoredTurn): Promise<TurnAnswer> {
  return isTerminal(turn.status) ? presentTurn(turn, await store.turns.texts(turn)) : presentOpen(turn, 'queued');
}
