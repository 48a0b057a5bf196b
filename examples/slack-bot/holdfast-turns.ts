// The two calls the bot makes: hand a message over, and wait for what became of it.
import { setTimeout as wait } from 'node:timers/promises';

export interface Question {
  /** The same for every delivery of one Slack event. */
  key: string;
  text: string;
  /** Absent: the first message of a thread, which makes the session. */
  sessionId?: string;
  user: string;
}

export interface Accepted {
  turnId: string;
  sessionId: string;
}

export interface Turn extends Accepted {
  status: string;
  degraded: boolean;
  reply: string | null;
  incomplete?: boolean;
  notice?: string;
}

export interface Turns {
  /** Resolves when the message is on the agent's disk. Rejects when it is not: Slack then sends the event again. */
  accept(question: Question): Promise<Accepted>;
  /** Waits for the end, also over a restart of the agent. Undefined when that takes longer than a turn can live. */
  outcome(turnId: string): Promise<Turn | undefined>;
}

/** Slack wants its answer within 3 s. */
const ACCEPT_MS_MAX = 2_500;
/** An open turn is given up by the agent after ten minutes. */
const OUTCOME_MS_MAX = 12 * 60_000;
const LOOK_EVERY_MS = { first: 200, most: 2_000 };
const CALL_MS_MAX = 10_000;

export function createTurns({ url, apiKey }: { url: string; apiKey: string }): Turns {
  const authorization = `Bearer ${apiKey}`;

  const post = ({ key, text, sessionId, user }: Question) =>
    fetch(`${url}/v1/chat`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', 'idempotency-key': key, prefer: 'respond-async' },
      body: JSON.stringify({ message: text, user, ...(sessionId === undefined ? {} : { sessionId }) }),
      signal: AbortSignal.timeout(ACCEPT_MS_MAX),
    });

  return {
    async accept(question) {
      let response = await post(question);
      // An earlier delivery got through without our hearing of it, when the thread had no session yet: the key stands for that message.
      if (response.status === 422 && question.sessionId !== undefined)
        response = await post({ key: question.key, text: question.text, user: question.user });
      if (!response.ok) throw new Error(`the agent answered ${response.status}`);
      const { turnId, sessionId } = (await response.json()) as Accepted;
      return { turnId, sessionId };
    },

    async outcome(turnId) {
      const until = performance.now() + OUTCOME_MS_MAX;
      let pauseMs = LOOK_EVERY_MS.first;
      while (performance.now() < until) {
        const response = await fetch(`${url}/v1/turns/${turnId}`, {
          headers: { authorization },
          signal: AbortSignal.timeout(CALL_MS_MAX),
        }).catch(
          () => undefined, // it restarts, or the network does
        );
        if (response?.status === 404) return undefined;
        if (response?.ok) {
          const turn = (await response.json()) as Turn;
          if (turn.status !== 'queued' && turn.status !== 'running') return turn;
        }
        await wait(pauseMs);
        pauseMs = Math.min(pauseMs * 1.5, LOOK_EVERY_MS.most);
      }
      return undefined;
    },
  };
}
