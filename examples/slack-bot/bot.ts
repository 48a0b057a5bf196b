// A Slack app in front of an agent: one thread is one session, one event is one turn, however often Slack sends it.
import { App, HTTPReceiver, LogLevel } from '@slack/bolt';
import type { Entry, EventBook } from './event-book.ts';
import type { Turns } from './holdfast-turns.ts';
import { messagesFor, questionOf } from './message-text.ts';

export interface BotParts {
  token: string;
  signingSecret: string;
  /** Of Slack; another one in tests. */
  slackApiUrl?: string | undefined;
  turns: Turns;
  book: EventBook;
}

export interface Bot {
  /** Resolves with the port it listens on. Answers what an earlier run left open. */
  start(port: number): Promise<number>;
  stop(): Promise<void>;
}

interface Asked {
  eventId: string;
  team: string;
  channel: string;
  threadTs: string;
  user: string;
  text: string;
}

const PLACEHOLDER = '_Thinking …_';

export function createBot({ token, signingSecret, slackApiUrl, turns, book }: BotParts): Bot {
  const { app, receiver } = connect({ token, signingSecret, slackApiUrl });
  const { chat } = app.client;
  /** The last message of each thread on its way to the agent: the next one must find its session. */
  const lastOf = new Map<string, Promise<unknown>>();
  const answering = new Set<Promise<void>>();

  app.event('app_mention', async ({ event, body }) => {
    if (event.user === undefined) return;
    await receive({ ...placeOf(event), user: event.user, text: event.text, eventId: body.event_id, team: body.team_id });
  });
  app.message(async ({ message, body }) => {
    // Edits, joins and what other bots say have a subtype or a bot's id.
    if (message.channel_type !== 'im' || message.subtype !== undefined || message.bot_id !== undefined) return;
    await receive({ ...placeOf(message), user: message.user, text: message.text ?? '', eventId: body.event_id, team: body.team_id });
  });

  const placeOf = (message: { channel: string; ts: string; thread_ts?: string | undefined }) => ({
    channel: message.channel,
    threadTs: message.thread_ts ?? message.ts,
  });

  /** In the order of arrival within a thread. Rejects when the agent did not take the message. */
  async function receive(asked: Asked): Promise<void> {
    const thread = `${asked.channel} ${asked.threadTs}`;
    const before = lastOf.get(thread) ?? Promise.resolve();
    const mine = before.catch(() => undefined).then(() => accept(asked));
    lastOf.set(thread, mine);
    try {
      await mine;
    } finally {
      if (lastOf.get(thread) === mine) lastOf.delete(thread);
    }
  }

  async function accept({ eventId, team, channel, threadTs, user, text }: Asked): Promise<void> {
    // Slack sends an event again when our answer was late or lost. It is being answered already.
    if (book.get(eventId)) return;
    const question = questionOf(text);
    if (question === '') return;
    const sessionId = book.sessionOf(channel, threadTs);
    const accepted = await turns.accept({
      key: `slack:${team}:${eventId}`,
      text: question,
      user: `slack:${team}:${user}`,
      ...(sessionId === undefined ? {} : { sessionId }),
    });
    const entry = { eventId, channel, threadTs, ...accepted };
    book.write(entry);
    answerLater(entry);
  }

  function answerLater(entry: Entry): void {
    const work = answer(entry).catch((error: unknown) => {
      // Left open in the book: the next start tries again.
      console.error(`event ${entry.eventId} is not answered yet:`, error instanceof Error ? error.message : error);
    });
    answering.add(work);
    void work.finally(() => answering.delete(work));
  }

  async function answer(given: Entry): Promise<void> {
    let entry = given;
    if (entry.placeholderTs === undefined) {
      const { ts } = await chat.postMessage({ channel: entry.channel, thread_ts: entry.threadTs, text: PLACEHOLDER });
      entry = { ...entry, ...(ts === undefined ? {} : { placeholderTs: ts }) };
      book.write(entry);
    }
    const [first = '', ...more] = messagesFor(await turns.outcome(entry.turnId));
    await chat.update({ channel: entry.channel, ts: entry.placeholderTs ?? '', text: first });
    for (const text of more) await chat.postMessage({ channel: entry.channel, thread_ts: entry.threadTs, text });
    book.write({ ...entry, isDone: true });
  }

  return {
    async start(port) {
      const server = await receiver.start(port);
      for (const entry of book.waiting()) answerLater(entry);
      const address = server.address();
      return typeof address === 'object' && address !== null ? address.port : port;
    },
    async stop() {
      await receiver.stop();
      await Promise.race([Promise.all(answering), new Promise((resolve) => setTimeout(resolve, 5_000).unref())]);
    },
  };
}

function connect({ token, signingSecret, slackApiUrl }: Pick<BotParts, 'token' | 'signingSecret' | 'slackApiUrl'>) {
  const receiver = new HTTPReceiver({
    signingSecret,
    logLevel: LogLevel.ERROR,
    // Slack hears “received” only after the listener is done, that is, once the agent has the message on disk. Otherwise Slack tries again.
    processBeforeResponse: true,
    processEventErrorHandler: async ({ response }) => {
      response.writeHead(503).end();
      return false;
    },
  });
  const clientOptions = slackApiUrl === undefined ? {} : { clientOptions: { slackApiUrl } };
  const app = new App({ token, receiver, logLevel: LogLevel.ERROR, ...clientOptions });
  app.error(async (error) => {
    console.error('event not accepted, Slack will send it again:', error.message);
    throw error;
  });
  return { app, receiver };
}
