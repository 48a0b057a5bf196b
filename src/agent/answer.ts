import { nearestIsoTime } from '../base/iso-time.ts';
import { isTerminal, type TurnAnswer } from '../contract/turn.ts';
import type { StoredTurn } from '../store/store.ts';

export interface TurnTexts {
  reply: string | null;
  incomplete: boolean;
  fallback: string | null;
}

/** A turn as callers see it: the one place where a stored turn becomes the contract's answer. */
export function presentTurn(turn: StoredTurn, texts: TurnTexts): TurnAnswer {
  const degraded = turn.status === 'degraded';
  const partial = texts.incomplete && texts.reply !== null && texts.reply !== '';
  const answer: TurnAnswer = {
    turnId: turn.id,
    sessionId: turn.sessionId,
    status: turn.status,
    degraded,
    reply: degraded && !partial ? texts.fallback : texts.reply,
    model: degraded && !partial ? null : turn.model,
    usage: turn.usage,
    createdAt: nearestIsoTime(turn.createdAt),
    completedAt: turn.completedAt === null ? null : nearestIsoTime(turn.completedAt),
  };
  if (turn.reason) answer.reason = turn.reason;
  if (partial) answer.incomplete = true;
  if (degraded && partial && texts.fallback !== null) answer.notice = texts.fallback;
  if (turn.retryOf) answer.retryOf = turn.retryOf;
  if (!isTerminal(turn.status)) answer.reply = null;
  return answer;
}

/** An open turn as it stands. */
export function presentOpen(turn: StoredTurn, status: 'queued' | 'running', waitingFor?: 'model' | 'lane'): TurnAnswer {
  const answer = presentTurn({ ...turn, status }, { reply: null, incomplete: false, fallback: null });
  return waitingFor ? { ...answer, waitingFor } : answer;
}
