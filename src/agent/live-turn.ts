// A turn that is under way in this process: what its runner and its callers share.

import type { Clock, Timer } from '../base/clock.ts';
import type { AppError } from '../base/errors.ts';
import type { ResultPart } from '../contract/message.ts';
import type { TurnAnswer } from '../contract/turn.ts';
import type { StoredTurn } from '../store/store.ts';
import { createFeed, type Feed } from './feed.ts';

/** Why a run was told to stop. `drain` leaves the turn open for the next process. */
export type StopReason = 'deadline' | 'caller' | 'superseded' | 'drain';

/** `left`: open for the next process. `gone`: its session was deleted meanwhile. */
export type Ending = { kind: 'ended'; turn: TurnAnswer } | { kind: 'error'; error: AppError } | { kind: 'left' } | { kind: 'gone' };

export interface LiveTurn {
  turn: StoredTurn;
  /** An earlier run of it died: its durable steps come first. */
  readonly recovered: boolean;
  readonly feed: Feed;
  /** Monotonic. For `onUnavailable: wait` this is when the turn expires, not when its first caller stops waiting. */
  readonly deadlineAt: number;
  readonly startedWaitingAt: number;
  state: 'queued' | 'running';
  waitingFor?: 'model' | 'lane';
  runAt?: number;
  firstTokenAt?: number;
  readonly signal: AbortSignal;
  /** Outcomes by call id: a call id that comes again gets the same outcome and no second effect. */
  readonly effects: Map<string, Promise<ResultPart>>;
  stopped(): StopReason | undefined;
  stop(reason: StopReason): void;
  /** For those who wait now. After an `error` there is a new one: the turn may still end, and callers who come later wait for that. */
  ended(): Promise<Ending>;
  settle(ending: Ending): void;
  /** Frees the deadline timer. */
  release(): void;
}

export function createLiveTurn(
  turn: StoredTurn,
  { arrivedAt, deadlineAt, recovered }: { arrivedAt: number; deadlineAt: number; recovered: boolean },
  clock: Clock,
): LiveTurn {
  const abort = new AbortController();
  let reason: StopReason | undefined;
  let ending = Promise.withResolvers<Ending>();
  const stop = (why: StopReason) => {
    // A drain must not hide that the caller cancelled before, nor the deadline a cancel.
    reason ??= why;
    abort.abort();
  };
  const timer: Timer = clock.after(Math.max(0, deadlineAt - clock.monotonic()), () => stop('deadline'));
  return {
    turn,
    recovered,
    feed: createFeed(turn.id, turn.sessionId, turn.attempt),
    deadlineAt,
    startedWaitingAt: arrivedAt,
    state: 'queued',
    signal: abort.signal,
    effects: new Map(),
    stopped: () => reason,
    stop,
    ended: () => ending.promise,
    settle(how) {
      ending.resolve(how);
      if (how.kind === 'error') ending = Promise.withResolvers<Ending>();
    },
    release: () => timer.cancel(),
  };
}
