// Other providers through the built server and the real command line: chosen by settings and per request, and loaded only when used.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Status } from '../src/contract/status.ts';
import type { TurnAnswer } from '../src/contract/turn.ts';
import { type Cli, createCli } from './support/cli.ts';
import { type FakeAnthropic, startFakeAnthropic } from './support/fake-anthropic/fake-anthropic.ts';
import { API_CANARY } from './support/fake-api/dialect.ts';
import { type FakeChat, type FakeResponses, startFakeChat, startFakeResponses } from './support/fake-openai/fake-openai.ts';
import { builtProgram, repository } from './support/server-process.ts';

const KEY = 'sk-canary-4f0e';
let openai: FakeResponses;
let anthropic: FakeAnthropic;
let chat: FakeChat;
let cli: Cli;

/** Made by the author's own code, with a package of the author's own. */
const CONFIG = `
import { createOpenAICompatible } from ${JSON.stringify(pathToFileURL(join(repository, 'node_modules/@ai-sdk/openai-compatible/dist/index.js')).href)};
const mine = createOpenAICompatible({ name: 'mine', baseURL: process.env.MINE_URL });
export default { models: ['openai/gpt-test', 'anthropic/claude-test', { 'mine/large': mine('large') }] };
`;

beforeAll(async () => {
  [openai, anthropic, chat] = await Promise.all([startFakeResponses(), startFakeAnthropic(), startFakeChat()]);
  cli = createCli({
    OPENAI_BASE_URL: `${openai.url}/v1`,
    HOLDFAST_OPENAI_API: 'responses',
    OPENAI_API_KEY_FILE: 'openai.key',
    ANTHROPIC_API_KEY: KEY,
    ANTHROPIC_BASE_URL: anthropic.url,
    OLLAMA_HOST: chat.url,
    MINE_URL: `${chat.url}/v1`,
  });
  writeFileSync(join(cli.folder, 'openai.key'), `${KEY}\n`);
  writeFileSync(join(cli.folder, 'holdfast.config.mjs'), CONFIG);
  await cli.expect(0, ['start']);
});
afterAll(async () => {
  await cli.close();
  await Promise.all([openai, anthropic, chat].map((fake) => fake.stop()));
});

const answer = async (...args: string[]) => JSON.parse((await cli.expect(0, ['chat', ...args, '--json'])).stdout) as TurnAnswer;

describe('a server with several providers', () => {
  test('answers with the first of the order, tools included, and counts the tokens', async () => {
    const turn = await answer('!call calculate {"expression":"6*7"}\n!call current_time {}');
    expect(turn).toMatchObject({
      status: 'completed',
      degraded: false,
      model: 'openai/gpt-test',
      usage: { inputTokens: 24, outputTokens: 14 },
    });
    expect(turn.reply).toMatch(/The tools said: .*42/);
    expect(openai.requests.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(openai.refused).toEqual([]);
  });

  test('answers with the model that a request names, in one conversation', async () => {
    for (const model of ['anthropic/claude-test', 'ollama/llama3.2:3b', 'mine/large', 'openai/gpt-test']) {
      const turn = await answer('!call calculate {"expression":"2+3"}', '-m', model);
      expect(turn).toMatchObject({ status: 'completed', model });
      expect(turn.reply).toContain('5');
    }
    expect([...openai.refused, ...anthropic.refused, ...chat.refused]).toEqual([]);
  });

  test('says what is missing for a model it cannot call', async () => {
    const { stderr } = await cli.run(['chat', 'Hello?', '-m', 'compatible/x']);
    expect(stderr).toContain('OPENAI_COMPATIBLE_BASE_URL');
  });

  test('goes on with the next provider when one refuses its key, and says so in status without a word of the provider', async () => {
    openai.setBehaviour({ fault: '401' });
    expect(await answer('Are you there?')).toMatchObject({ status: 'completed', degraded: false, model: 'anthropic/claude-test' });
    const { stdout } = await cli.expect(0, ['status', '--json']);
    const [first] = (JSON.parse(stdout) as Status).models;
    expect(first).toMatchObject({ name: 'openai/gpt-test', state: 'bad_key' });
    expect(first?.fix).toMatch(/OpenAI refuses the key: check OPENAI_API_KEY/);
    const log = readFileSync(join(cli.home, 'logs', 'agent.log'), 'utf8');
    for (const text of [stdout, log]) {
      expect(text).not.toContain(API_CANARY);
      expect(text).not.toContain(KEY);
    }
  });
});

test('nothing of the AI SDK is loaded at start', () => {
  const dist = join(builtProgram('main'), '..');
  const text = (name: string) => readFileSync(join(dist, name), 'utf8');
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const [, chunk] of text(name).matchAll(/(?:from|import)\s*"\.\/([\w.-]+\.js)"/g)) visit(chunk ?? '');
  };
  for (const program of ['main.js', 'cli.js', 'index.js', 'client.js']) visit(program);
  const marked = (name: string) => text(name).includes('AI_APICallError');
  expect(seen.size).toBeGreaterThan(4);
  expect([...seen].filter(marked)).toEqual([]);
  expect(readdirSync(dist).filter((name) => name.endsWith('.js') && marked(name)).length).toBeGreaterThan(0);
});
