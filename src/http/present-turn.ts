import type { Outcome } from '../agent/agent.ts';
import { AppError } from '../base/errors.ts';
import type { RetryRequest } from '../contract/chat.ts';
import { isTerminal, type TurnAnswer, type TurnReason } from '../contract/turn.ts';
import { json, type Reply } from './call.ts';

export const turnLocation = (turnId: string): string => `/v1/turns/${turnId}`;

const FAILED: Partial<Record<TurnReason, string>> = {
  recovery_exhausted: 'The turn could not be finished after several restarts.',
  expired: 'The turn was left open for too long.',
};

/** The contract's table of a turn's state to what HTTP says. Throws AppError for those that are problems. */
export function presentOutcome(turnId: string, outcome: Outcome, asked: Pick<RetryRequest, 'onUnavailable'>): Reply {
  if (outcome.kind === 'error') throw new AppError(outcome.error.code, { ...outcome.error.details, turnId });
  const { turn } = outcome;
  if (outcome.kind === 'open') return outcome.draining ? leftOpen(turnId) : presentWaiting(turn);
  if (turn.status === 'failed') throw new AppError('internal', { turnId, sentence: turn.reason && FAILED[turn.reason] });
  if (asked.onUnavailable === 'error' && turn.reason === 'model_unavailable') throw new AppError('model_unavailable', { turnId });
  return presentTurn(turn);
}

/** A turn as it is, whatever its state. */
export const presentTurn = (turn: TurnAnswer): Reply =>
  turn.degraded ? json(200, turn, { 'x-holdfast-degraded': 'true' }) : json(200, turn);

/** 202 while it is open; one that has ended meanwhile is simply shown. */
export const presentWaiting = (turn: TurnAnswer, headers?: Record<string, string>): Reply =>
  isTerminal(turn.status) ? presentTurn(turn) : json(202, turn, { ...headers, location: turnLocation(turn.turnId) });

function leftOpen(turnId: string): never {
  throw new AppError('draining', {
    turnId,
    sentence: 'The agent is shutting down; the turn is kept and will be answered after its restart.',
  });
}
