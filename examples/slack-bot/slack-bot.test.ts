// The bot as a process, Holdfast as a process, and a Slack that signs, retries and complains; all over real sockets.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Behaviour, CapturedRequest } from '../../test/support/fake-gemini/behaviour.ts';
import { type FakeGemini, startFakeGemini } from '../../test/support/fake-gemini/fake-gemini.ts';
import { cleanEnvironment, type ServerProcess, startServer } from '../../test/support/server-process.ts';
import { until } from '../../test/support/until.ts';
import { type SlackStandIn, startSlackStandIn } from './slack-stand-in.ts';

const TOKEN = 'xoxb-of-no-workspace';
const SIGNING_SECRET = 'a-signing-secret-of-no-app';
const ADMIN_KEY = 'a-key-for-tests-that-outlives-a-restart';

let fake: FakeGemini;
let agent: ServerProcess;
let slack: SlackStandIn;
let bot: Bot;
let port: number;

interface Bot {
  url: string;
  child: ChildProcess;
}

const startAgent = (folder?: string) =>
  startServer({
    ...(folder === undefined ? {} : { folder }),
    env: {
      PORT: String(port),
      HOLDFAST_ADMIN_KEY: ADMIN_KEY,
      GEMINI_API_KEY: 'key-of-no-account',
      GOOGLE_GEMINI_BASE_URL: fake.url,
      HOLDFAST_MODELS: 'gemini/fake',
    },
  });

async function startBot(): Promise<Bot> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('main.ts', import.meta.url))], {
    env: cleanEnvironment({
      SLACK_BOT_TOKEN: TOKEN,
      SLACK_SIGNING_SECRET: SIGNING_SECRET,
      SLACK_API_URL: slack.apiUrl,
      SLACK_BOT_STATE: join(agent.folder, 'slack-bot.jsonl'),
      HOLDFAST_URL: agent.url,
      HOLDFAST_API_KEY: ADMIN_KEY,
      PORT: '0',
    }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const output of [child.stdout, child.stderr])
    output?.on('data', (text: Buffer) => {
      said += text;
    });
  const found = await until(() => /on port (\d+)/.exec(said)?.[1], { what: () => `the bot\n${said}`, ms: 10_000 });
  return { url: `http://127.0.0.1:${found}`, child };
}

const end = (child: ChildProcess, signal: NodeJS.Signals) =>
  new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill(signal);
  });

beforeEach(async () => {
  port = await freePort();
  fake = await startFakeGemini();
  fake.setBehaviour(echo);
  slack = await startSlackStandIn({ token: TOKEN, signingSecret: SIGNING_SECRET, retryAfterMs: 300 });
  agent = await startAgent();
  bot = await startBot();
});
afterEach(async () => {
  await end(bot.child, 'SIGKILL');
  await agent.stop();
  agent.remove();
  await slack.stop();
  await fake.stop();
  expect(slack.complaints).toEqual([]);
});

const lastText = (request: CapturedRequest) =>
  request
    .body()
    .contents?.at(-1)
    ?.parts?.map(({ text }) => text)
    .join('') ?? '';
const echo = (request: CapturedRequest): Behaviour => ({ text: `You said: ${lastText(request)}` });

const mention = (text: string, more: { ts?: string; thread_ts?: string; channel?: string } = {}) =>
  ({ type: 'app_mention', text: `<@UBOT> ${text}`, channel: 'C1', channel_type: 'channel', ...more }) as const;
/** Every placeholder has become an answer. */
const answered = (count: number) =>
  until(() => slack.posted.filter(({ edits }) => edits === 1).length >= count && slack.posted, {
    ms: 15_000,
    what: () => `${count} answers in ${JSON.stringify(slack.posted)}`,
  });
const sessions = async () =>
  (await agent.call<{ data: { turnCount: number }[] }>('GET', '/v1/sessions')).body.data.filter(({ turnCount }) => turnCount > 0);
const turns = async () => (await agent.call<{ data: { status: string }[] }>('GET', '/v1/turns')).body.data;

describe('the Slack bot', () => {
  test('answers a mention in its thread, with one session for each thread, and a direct message', async () => {
    const first = await slack.deliver(bot.url, mention('what is a &lt;lamp&gt;?', { ts: '100.1' }));
    expect(first.statuses).toEqual([200]);
    expect(first.firstMs).toBeLessThan(3_000);
    await answered(1);
    expect(slack.posted[0]).toMatchObject({ channel: 'C1', threadTs: '100.1', text: 'You said: what is a &lt;lamp&gt;?', edits: 1 });
    await slack.deliver(bot.url, mention('and the second?', { ts: '100.2', thread_ts: '100.1' }));
    await slack.deliver(bot.url, mention('another thread', { ts: '200.1' }));
    await slack.deliver(bot.url, { type: 'message', channel: 'D1', channel_type: 'im', text: 'psst', ts: '300.1' });
    await answered(4);
    expect((await sessions()).map(({ turnCount }) => turnCount).sort()).toEqual([1, 1, 2]);
    expect(slack.posted.map(({ threadTs }) => threadTs).sort()).toEqual(['100.1', '100.1', '200.1', '300.1']);
    expect(fake.requests.some(({ bodyText }) => /a <lamp>\?[\s\S]*and the second/.test(bodyText))).toBe(true);
  });

  test('leaves alone what is not for it', async () => {
    await slack.deliver(bot.url, { type: 'message', channel: 'D1', channel_type: 'im', text: 'changed', subtype: 'message_changed' });
    await slack.deliver(bot.url, { type: 'message', channel: 'D1', channel_type: 'im', text: 'I am a bot', bot_id: 'B7' });
    await slack.deliver(bot.url, { type: 'message', channel: 'C1', channel_type: 'channel', text: 'not a word to you' });
    await slack.deliver(bot.url, mention(''));
    await slack.deliver(bot.url, mention('a real one'));
    await answered(1);
    expect(await turns()).toHaveLength(1);
  });

  test('answers once, however often Slack sends the event', async () => {
    const { statuses } = await slack.deliver(bot.url, mention('once'), { eventId: 'EvSame', repeats: 3 });
    expect(statuses).toEqual([200, 200, 200, 200]);
    await answered(1);
    expect([slack.posted.length, (await turns()).length]).toEqual([1, 1]);
  });

  test('refuses what is not signed by Slack, or was signed long ago', async () => {
    expect((await slack.deliver(bot.url, mention('hi'), { signature: 'v0=00' })).statuses).toEqual([401]);
    expect((await slack.deliver(bot.url, mention('hi'), { skewS: -600 })).statuses).toEqual([401]);
    expect(await turns()).toEqual([]);
  });

  test('says “received” only for what the agent has: while it is down Slack tries again, and nothing is lost or doubled', async () => {
    await agent.kill9();
    const delivering = slack.deliver(bot.url, mention('are you there?'));
    agent = await startAgent(agent.folder);
    const { statuses } = await delivering;
    expect([statuses[0], statuses.at(-1)]).toEqual([503, 200]);
    await answered(1);
    expect([slack.posted.length, (await turns()).length]).toEqual([1, 1]);
  });

  test('survives a kill of the agent in the middle of an answer', async () => {
    fake.setBehaviour({ fault: 'silent' });
    await slack.deliver(bot.url, mention('think long'));
    await until(() => fake.requests.length === 1 && slack.posted.length === 1);
    expect(slack.posted[0]?.text).toContain('Thinking');
    await agent.kill9();
    fake.setBehaviour(echo);
    agent = await startAgent(agent.folder);
    await answered(1);
    expect(slack.posted).toMatchObject([{ text: 'You said: think long', edits: 1 }]);
  });

  test('survives a kill of its own: the next start answers what was open, in the same place', async () => {
    fake.setBehaviour({ text: 'Late but here.', latencyMs: 1_500 });
    await slack.deliver(bot.url, mention('are you still there?'), { eventId: 'EvOpen' });
    await until(() => readFileSync(join(agent.folder, 'slack-bot.jsonl'), 'utf8').includes('placeholderTs'));
    await end(bot.child, 'SIGKILL');
    bot = await startBot();
    await slack.deliver(bot.url, mention('are you still there?'), { eventId: 'EvOpen' });
    await answered(1);
    expect(slack.posted).toMatchObject([{ text: 'Late but here.', edits: 1 }]);
  });

  test('marks a degraded answer, splits a long one, and waits when Slack says that it is too fast', async () => {
    fake.setBehaviour({ fault: '503' });
    await slack.deliver(bot.url, mention('hello'));
    await answered(1);
    expect(slack.posted[0]?.text).toMatch(/^:warning: _No model could answer just now\._\n./);
    fake.setBehaviour({ words: 2_000 });
    slack.limitRate(1);
    await slack.deliver(bot.url, mention('a long one'));
    await until(() => slack.posted.length >= 4, { ms: 15_000, what: () => `four messages, not ${slack.posted.length}` });
    const long = slack.posted.slice(1);
    expect(long.every(({ text, threadTs }) => text.length <= 4_000 && threadTs === long[0]?.threadTs)).toBe(true);
  });
});

/** Free a moment ago. The restarted agent must come back where it was. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
