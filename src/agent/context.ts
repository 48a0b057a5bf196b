// What the model sees of a conversation.
import { AppError } from '../base/errors.ts';
import type { ModelMessage } from '../contract/message.ts';
import { SLOT, type Store, type StoredStep, type StoredTurn } from '../store/store.ts';

/**
 * The conversation up to and including the message this turn answers; the turn's own durable steps are not in it. Throws AppError `internal` when
 * that message does not open: a model must not answer a question nobody asked.
 */
export async function readContext(store: Store, turn: StoredTurn, limit: number): Promise<ModelMessage[]> {
  const { messages } = await store.messages.history(turn.sessionId, (turn.anchor + 1) * SLOT - 1, limit);
  if (!messages.some(({ role, seq }) => role === 'user' && Math.floor(seq / SLOT) === turn.anchor)) {
    throw new AppError('internal', { sentence: 'The message of this turn is damaged.' });
  }
  const answeredBy = new Map<number, string>();
  for (const { role, seq, turnId } of messages) {
    if (role !== 'user') answeredBy.set(Math.floor(seq / SLOT), turnId);
  }
  // Under one question only its last answer counts: a retry replaces what an earlier turn left there.
  return messages
    .filter(({ role, seq, turnId }) => {
      const slot = Math.floor(seq / SLOT);
      return role === 'user' || (slot !== turn.anchor && answeredBy.get(slot) === turnId);
    })
    .map(({ role, parts }) => ({ role, parts }));
}

/** A durable step as the two messages the model sees; a step without outcomes is left to the renderer, which says they are unknown. */
export function stepMessages(step: Pick<StoredStep, 'parts' | 'results'>): ModelMessage[] {
  const asked: ModelMessage = { role: 'assistant', parts: step.parts };
  return step.results ? [asked, { role: 'tool', parts: step.results }] : [asked];
}
