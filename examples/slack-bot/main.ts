// npx node examples/slack-bot/main.ts
import { createBot } from './bot.ts';
import { openEventBook } from './event-book.ts';
import { createTurns } from './holdfast-turns.ts';

function need(name: string): string {
  const value = process.env[name];
  if (!value) {
    console.error(`${name} is not set. Fix: see examples/slack-bot/README.md`);
    process.exit(78);
  }
  return value;
}

const bot = createBot({
  token: need('SLACK_BOT_TOKEN'),
  signingSecret: need('SLACK_SIGNING_SECRET'),
  slackApiUrl: process.env.SLACK_API_URL,
  turns: createTurns({ url: process.env.HOLDFAST_URL ?? 'http://127.0.0.1:8000', apiKey: need('HOLDFAST_API_KEY') }),
  book: openEventBook(process.env.SLACK_BOT_STATE ?? 'slack-bot.jsonl'),
});
const port = await bot.start(Number(process.env.PORT ?? 3100));
console.log(`The Slack bot listens on port ${port}, path /slack/events`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void bot.stop().then(() => process.exit(0)));
