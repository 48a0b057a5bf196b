// A conversation with tools goes on at any other provider, and back, with every provider as strict as its documents.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type AgentWorld, answerOf, createHome, openWorld } from '../../test/support/agent-world.ts';
import { type FakeAnthropic, startFakeAnthropic } from '../../test/support/fake-anthropic/fake-anthropic.ts';
import type { Behaviour as GeminiBehaviour } from '../../test/support/fake-gemini/behaviour.ts';
import { type FakeGemini, startFakeGemini } from '../../test/support/fake-gemini/fake-gemini.ts';
import { geminiProblem } from '../../test/support/fake-gemini/judge.ts';
import { type FakeChat, type FakeResponses, startFakeChat, startFakeResponses } from '../../test/support/fake-openai/fake-openai.ts';
import { systemClock as clock } from '../base/clock.ts';
import { silentLogger as log } from '../base/log.ts';
import { Secret } from '../base/secret.ts';
import { createModels } from '../model/create-models.ts';
import { defineTool } from '../tools/define-tool.ts';

const SIGNATURE = 'gemini-thought-1';
const apiKey = new Secret('a-key');
let gemini: FakeGemini;
let openai: FakeResponses;
let anthropic: FakeAnthropic;
let chat: FakeChat;
let home: ReturnType<typeof createHome>;
let world: AgentWorld;
const effects: string[] = [];

beforeAll(async () => {
  [gemini, openai, anthropic, chat] = await Promise.all([startFakeGemini(), startFakeResponses(), startFakeAnthropic(), startFakeChat()]);
});
afterAll(async () => {
  await Promise.all([gemini, openai, anthropic, chat].map((fake) => fake.stop()));
});

const double = defineTool({
  name: 'double',
  description: 'Twice as much.',
  input: z.object({ number: z.number() }),
  async run({ number }) {
    effects.push(String(number));
    return { doubled: number * 2 };
  },
});

type Name = 'gemini' | 'openai' | 'anthropic' | 'compatible' | 'ollama';
const NAMES: Name[] = ['gemini', 'openai', 'anthropic', 'compatible', 'ollama'];
const PAIRS = NAMES.flatMap((first) => NAMES.filter((second) => second !== first).map((second): [Name, Name] => [first, second]));

/** The step a model of this provider takes next: thoughts, some text and two calls at once. */
function thinkAndCall(name: Name, ...numbers: number[]): void {
  const calls = numbers.map((number) => ({ name: 'double', args: { number } }));
  if (name === 'gemini') gemini.push({ text: 'Let me see.', calls, signature: SIGNATURE } satisfies GeminiBehaviour);
  else fakeOf(name).push({ text: 'Let me see.', calls, thought: `a thought of ${name}` });
}

function failOnce(name: Name): void {
  if (name === 'gemini') gemini.push({ fault: '400' });
  else fakeOf(name).push({ fault: '400' });
}

const fakeOf = (name: Exclude<Name, 'gemini'>) => (name === 'openai' ? openai : name === 'anthropic' ? anthropic : chat);

function complaints(): string[] {
  const ofGemini = gemini.requests.flatMap((request) => geminiProblem(request.body(), [SIGNATURE]) ?? []);
  return [...ofGemini, ...openai.refused, ...anthropic.refused, ...chat.refused];
}

beforeEach(async () => {
  gemini.requests.length = 0;
  effects.length = 0;
  for (const fake of [openai, anthropic, chat]) fake.requests.length = fake.refused.length = 0;
  home = createHome();
});
afterEach(async () => {
  await world.close();
  home.remove();
});

async function open(...order: Name[]): Promise<void> {
  const models = createModels({
    config: {
      gemini: { apiKey, baseUrl: gemini.url },
      others: {
        openai: { apiKey, baseUrl: `${openai.url}/v1`, api: 'responses' },
        anthropic: { apiKey, baseUrl: anthropic.url },
        compatible: { apiKey, baseUrl: `${chat.url}/v1` },
        ollama: { baseUrl: chat.url },
      },
      models: order.map((name) => `${name}/large`),
      firstByteMs: 3_000,
      idleMs: 3_000,
      modelConcurrency: 4,
    },
    ...{ clock, log },
    random: Math.random,
  });
  world = await openWorld(home, { models, tools: [double] });
}

async function say(message: string, model: Name, sessionId?: string) {
  return answerOf(await world.say(message, { model: `${model}/large`, ...(sessionId ? { sessionId } : {}) }));
}

describe.each(PAIRS)('%s and %s', (first, second) => {
  test('take turns in one conversation with tools, each with its own thoughts only', async () => {
    await open(first, second);
    thinkAndCall(first, 1, 2);
    const one = await say('Double 1 and 2.', first);
    thinkAndCall(second, 3, 4);
    const two = await say('And 3 and 4.', second, one.sessionId);
    thinkAndCall(first, 5);
    const three = await say('And 5.', first, one.sessionId);
    expect(complaints()).toEqual([]);
    expect([one, two, three].map(({ status, model }) => `${status} ${model}`)).toEqual([
      `completed ${first}/large`,
      `completed ${second}/large`,
      `completed ${first}/large`,
    ]);
    expect([one, two, three].map(({ reply }) => reply?.match(/doubled[^0-9]*(\d+)/g)?.length)).toEqual([2, 2, 1]);
    expect(effects.sort()).toEqual(['1', '2', '3', '4', '5']);
  });

  test('share one turn: the second goes on after the first one’s tools', async () => {
    await open(first, second);
    thinkAndCall(first, 6, 7);
    failOnce(first);
    const answer = await say('Double 6 and 7.', first);
    expect(complaints()).toEqual([]);
    expect(answer).toMatchObject({ status: 'completed', model: `${second}/large` });
    expect(answer.reply).toMatch(/12.*14/s);
    expect(effects).toEqual(['6', '7']);
    // And the first takes it up again later.
    thinkAndCall(first, 8);
    expect((await say('And 8.', first, answer.sessionId)).reply).toContain('16');
    expect(complaints()).toEqual([]);
  });
});

describe('what goes back to the model that made it', () => {
  test('Anthropic gets its thinking, OpenAI its sealed reasoning, Gemini its signature', async () => {
    await open('gemini', 'openai', 'anthropic');
    let session: string | undefined;
    for (const name of ['gemini', 'openai', 'anthropic'] as const) {
      thinkAndCall(name, 1);
      session = (await say('Double 1.', name, session)).sessionId;
    }
    for (const name of ['gemini', 'openai', 'anthropic'] as const) await say('And what was that?', name, session);
    expect(complaints()).toEqual([]);
    expect(gemini.requests.at(-1)?.bodyText).toContain(SIGNATURE);
    expect(openai.requests.at(-1)?.bodyText).toContain('openai-sealed-');
    expect(anthropic.requests.at(-1)?.bodyText).toContain('anthropic-sealed-');
    const last = [gemini.requests.at(-1)?.bodyText, openai.requests.at(-1)?.bodyText, anthropic.requests.at(-1)?.bodyText];
    expect(
      last.map((body) => ['gemini-thought', 'openai-sealed', 'anthropic-sealed'].filter((mark) => body?.includes(mark)).length),
    ).toEqual([1, 1, 1]);
  });

  test('another model of the same provider gets no thoughts', async () => {
    await open('anthropic');
    thinkAndCall('anthropic', 1);
    const { sessionId } = await say('Double 1.', 'anthropic');
    await answerOf(await world.say('And now?', { model: 'anthropic/small', sessionId }));
    expect(complaints()).toEqual([]);
    expect(anthropic.requests.at(-1)?.bodyText).not.toContain('anthropic-sealed');
  });

  test('a server that counts its calls from zero in every answer has each of them run', async () => {
    await open('ollama');
    thinkAndCall('ollama', 1, 2);
    thinkAndCall('ollama', 3);
    expect((await say('Double some.', 'ollama')).reply).toContain('6');
    expect(effects).toEqual(['1', '2', '3']);
    expect(complaints()).toEqual([]);
  });
});
