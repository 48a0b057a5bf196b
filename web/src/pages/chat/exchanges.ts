// The transcript: each question with the answers that were tried for it.
import type { MessageView } from '../../../../src/contract/message.ts';
import type { TurnAnswer } from '../../../../src/contract/turn.ts';

export interface Answer {
  turnId: string;
  /** What is stored of it, in order: the model's steps, tools' results, a fallback. */
  steps: MessageView[];
  /** Absent for turns that are older than the list that was read. */
  turn: TurnAnswer | undefined;
}

export interface Exchange {
  /** Of the turn that brought the question. */
  turnId: string;
  question: MessageView | undefined;
  /** Never empty; the newest attempt is last. */
  answers: Answer[];
}

/** `messages` as the session has them, a retry's after those of the turn it repeats; `turns` in any order. */
export function exchangesOf(messages: readonly MessageView[], turns: readonly TurnAnswer[]): Exchange[] {
  const byId = new Map(turns.map((turn) => [turn.turnId, turn]));
  const exchanges: Exchange[] = [];
  const placeOf = new Map<string, Exchange>();
  const begin = (turnId: string, question: MessageView | undefined): Exchange => {
    const exchange: Exchange = { turnId, question, answers: [] };
    exchanges.push(exchange);
    placeOf.set(turnId, exchange);
    return exchange;
  };
  const answerOf = (exchange: Exchange, turnId: string): Answer => {
    const known = exchange.answers.find((answer) => answer.turnId === turnId);
    if (known) return known;
    const answer: Answer = { turnId, steps: [], turn: byId.get(turnId) };
    exchange.answers.push(answer);
    placeOf.set(turnId, exchange);
    return answer;
  };

  for (const message of messages) {
    const last = exchanges.at(-1);
    if (message.role === 'user' || !last) {
      const exchange = placeOf.get(message.turnId) ?? begin(message.turnId, message.role === 'user' ? message : undefined);
      const answer = answerOf(exchange, message.turnId);
      if (message.role !== 'user') answer.steps.push(message);
    } else answerOf(last, message.turnId).steps.push(message);
  }
  // Turns that have left nothing yet, or ended without a word. Ids sort by time.
  for (const turn of [...turns].sort((a, b) => (a.turnId < b.turnId ? -1 : 1))) {
    const place = placeOf.get(turn.turnId) ?? placeOf.get(turn.retryOf ?? '');
    if (place) answerOf(place, turn.turnId);
  }
  return exchanges;
}

export const isOpen = (turn: TurnAnswer | undefined): boolean => turn?.status === 'queued' || turn?.status === 'running';

/** What came of it is not the answer that was wanted. */
export function isWorthRetry({ turn, steps }: Answer): boolean {
  if (turn) return turn.status === 'degraded' || turn.status === 'failed' || turn.status === 'cancelled';
  return steps.some(({ role }) => role === 'fallback') || steps.at(-1)?.incomplete === true;
}
