// The two things the bot asks of an agent: to take a message, and what became of it.
import { createClient, HoldfastError, type Turn } from 'holdfast/client';

export interface Question {
  /** The same for every delivery of one Slack event. */
  key: string;
  text: string;
  /** Absent: the first message of a thread, which makes the session. */
  sessionId?: string;
  user: string;
}

export interface Turns {
  /** Resolves when the message is on the agent's disk. Rejects when it is not: Slack then sends the event again. */
  accept(question: Question): Promise<Pick<Turn, 'turnId' | 'sessionId'>>;
  /** Waits for the end, also over a restart of the agent. Undefined when the agent does not know the turn. */
  outcome(turnId: string): Promise<Turn | undefined>;
}

/** Slack wants its answer within 3 s. */
const ACCEPT_MS_MAX = 2_500;
/** An open turn is given up by the agent after ten minutes. */
const OUTCOME_MS_MAX = 12 * 60_000;
const RETRIES = 1_000;

export function createTurns(agent: { url: string; apiKey: string }): Turns {
  const client = createClient(agent);
  const send = ({ key, text, sessionId, user }: Question) =>
    client.chat(
      { body: { message: text, user, ...(sessionId === undefined ? {} : { sessionId }) } },
      { idempotencyKey: key, respondAsync: true, signal: AbortSignal.timeout(ACCEPT_MS_MAX), retries: 0 },
    );

  return {
    async accept(question) {
      try {
        return await send(question);
      } catch (error) {
        if (!(error instanceof HoldfastError) || error.code !== 'idempotency_mismatch') throw error;
        // An earlier delivery got through without our hearing of it, when the thread had no session yet.
        const { sessionId: _, ...first } = question;
        return send(first);
      }
    },
    async outcome(turnId) {
      try {
        const events = client.follow(turnId, { retries: RETRIES, signal: AbortSignal.timeout(OUTCOME_MS_MAX) });
        for await (const event of events) if (event.type === 'turn.end') return event.turn;
      } catch (error) {
        if (!(error instanceof HoldfastError) || error.code !== 'not_found') throw error;
      }
      return undefined;
    },
  };
}
