import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type FakeAnthropic, startFakeAnthropic } from '../../test/support/fake-anthropic/fake-anthropic.ts';
import { type FakeChat, type FakeResponses, startFakeChat, startFakeResponses } from '../../test/support/fake-openai/fake-openai.ts';
import { until } from '../../test/support/until.ts';
import { systemClock as clock } from '../base/clock.ts';
import { silentLogger as log } from '../base/log.ts';
import { Secret } from '../base/secret.ts';
import type { Json, ModelMessage, Part } from '../contract/message.ts';
import { createModels } from './create-models.ts';
import type { LanguageModel } from './language-model.ts';
import { createOtherProvider, createOwnProvider } from './other-providers.ts';
import type { CallLimits, ModelRequest, Provider } from './provider.ts';
import { renderHistory } from './render.ts';

const parts = { clock, random: Math.random, socketsMax: 8 };
const apiKey = new Secret('the-key');
const limits = (more: Partial<CallLimits> = {}): CallLimits => ({
  deadlineAt: clock.monotonic() + 2_000,
  firstByteMs: 500,
  idleMs: 500,
  signal: new AbortController().signal,
  ...more,
});
const request = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  model: 'large',
  instructions: 'Be good.',
  messages: [{ role: 'user', parts: [{ type: 'text', text: 'hello' }] }],
  tools: [],
  ...more,
});

describe('the providers it speaks to', () => {
  let openai: FakeResponses;
  let anthropic: FakeAnthropic;
  let chat: FakeChat;
  let providers: Record<'openai' | 'anthropic' | 'compatible', Provider>;
  beforeAll(async () => {
    [openai, anthropic, chat] = await Promise.all([startFakeResponses(), startFakeAnthropic(), startFakeChat()]);
    providers = {
      openai: await createOtherProvider('openai', { apiKey, baseUrl: `${openai.url}/v1`, api: 'responses' }, parts),
      anthropic: await createOtherProvider('anthropic', { apiKey, baseUrl: `${anthropic.url}/v1` }, parts),
      compatible: await createOtherProvider('compatible', { baseUrl: `${chat.url}/v1` }, parts),
    };
  });
  afterAll(async () => {
    for (const provider of Object.values(providers)) await provider.close();
    for (const fake of [openai, anthropic, chat]) await fake.stop();
  });
  beforeEach(() => {
    for (const fake of [openai, anthropic, chat]) {
      fake.setBehaviour({ text: 'fine' });
      fake.requests.length = fake.refused.length = 0;
    }
  });
  const everyone = async (ask: ModelRequest) => {
    for (const provider of Object.values(providers)) await provider.generate(ask, limits(), () => undefined);
    return [...openai.refused, ...anthropic.refused, ...chat.refused];
  };

  const oddText = fc.oneof(fc.constantFrom('\n', ' ', '', 'so', '\ud83d', 'a\udc00b'), fc.string({ unit: 'binary', maxLength: 6 }));
  const callId = fc.constantFrom('call_0', 'call_1', 'hf0000001', 'a.b:c', 'x'.repeat(128), 'hfc_q_1');
  const name = fc.constantFrom('double', 'a.b:c', 'current_time', 'x'.repeat(128));
  const signature = fc.oneof(
    fc.constant({}),
    fc.record({
      signature: fc.constantFrom('opaque', '{"model":"other","reasoning":"hm"}'),
      signedBy: fc.constantFrom('gemini', 'openai', 'anthropic'),
    }),
  );
  const json: fc.Arbitrary<Json> = fc.oneof(
    fc.constantFrom<Json>('text', 5, null, [], ['a'], { 'k\ud800': '\ud800' }),
    fc.dictionary(fc.string(), oddText, { maxKeys: 2 }),
  );
  const part: fc.Arbitrary<Part> = fc.oneof(
    fc.tuple(oddText, signature).map(([text, mark]): Part => ({ type: 'text', text, ...mark })),
    fc
      .tuple(callId, name, json, signature)
      .map(([id, called, args, mark]): Part => ({ type: 'call', callId: id, name: called, args, ...mark })),
    fc
      .tuple(callId, name, json, fc.constantFrom('ok' as const, 'error' as const, 'unknown' as const))
      .map(([id, called, value, outcome]): Part => ({ type: 'result', callId: id, name: called, outcome, value })),
  );
  const user: fc.Arbitrary<ModelMessage> = fc.constant({ role: 'user', parts: [{ type: 'text', text: 'and?' }] });
  const message: fc.Arbitrary<ModelMessage> = fc.oneof(
    user,
    fc.record({ role: fc.constantFrom('assistant' as const, 'tool' as const), parts: fc.array(part, { maxLength: 5 }) }),
  );

  test('take every history there can be, whoever wrote it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 8 }), user, async (history, last) => {
        for (const fake of [openai, anthropic, chat]) fake.refused.length = 0;
        for (const [provider, { generate }] of Object.entries(providers)) {
          await generate(request({ messages: renderHistory([...history, last], provider) }), limits(), () => undefined);
        }
        expect([...openai.refused, ...anthropic.refused, ...chat.refused]).toEqual([]);
      }),
      { numRuns: 60 },
    );
    expect(chat.requests.length).toBeGreaterThan(50);
  }, 60_000);

  test('take every tool, those whose input has alternatives included', async () => {
    const text = { type: 'string' };
    const parameters = {
      type: 'object',
      anyOf: [
        { type: 'object', properties: { kind: { const: 'a' }, city: text }, required: ['kind', 'city'] },
        { type: 'object', properties: { kind: { const: 'b' }, zip: text }, required: ['kind', 'zip'] },
      ],
      additionalProperties: false,
    };
    const tools = [
      { name: 'find', description: 'finds', parameters },
      { name: 'now', description: '', parameters: { type: 'object' } },
    ];
    expect(await everyone(request({ tools, maxOutputTokens: 1 }))).toEqual([]);
    expect(chat.requests[0]?.body.tools?.[0]?.function.parameters).toEqual({
      type: 'object',
      properties: { kind: { anyOf: [{ const: 'a' }, { const: 'b' }] }, city: text, zip: text },
      required: ['kind'],
    });
  });

  test('hear the key that was handed in and nothing from the environment', async () => {
    for (const key of ['OPENAI', 'ANTHROPIC']) {
      vi.stubEnv(`${key}_API_KEY`, 'from-the-environment');
      vi.stubEnv(`${key}_BASE_URL`, 'http://127.0.0.1:1');
    }
    vi.stubEnv('ANTHROPIC_AUTH_TOKEN', 'from-the-environment');
    expect(await everyone(request())).toEqual([]);
    vi.unstubAllEnvs();
    const all = [openai, anthropic, chat].flatMap((fake) => fake.requests.map(({ headers }) => headers));
    expect(all).toHaveLength(3);
    expect(JSON.stringify(all)).not.toMatch(/from-the-environment|ai-sdk|node/);
    expect(openai.requests[0]?.headers.authorization).toBe('Bearer the-key');
    expect(anthropic.requests[0]?.headers['x-api-key']).toBe('the-key');
    expect(chat.requests[0]?.headers.authorization).toBeUndefined();
  });

  test('keep their connection for the next call', async () => {
    for (let i = 0; i < 5; i += 1) expect(await everyone(request())).toEqual([]);
    expect([openai.connections(), anthropic.connections(), chat.connections()]).toEqual([1, 1, 1]);
  });

  test('are let go at once when the caller leaves, in the middle of an answer too', async () => {
    for (const [provider, fake] of [
      [providers.openai, openai],
      [providers.anthropic, anthropic],
      [providers.compatible, chat],
    ] as const) {
      fake.setBehaviour({ text: 'a long answer in many pieces, one after the other', chunkMs: 50 });
      const stop = new AbortController();
      const texts: string[] = [];
      const outcome = await provider.generate(request(), limits({ signal: stop.signal }), (text) => {
        texts.push(text);
        stop.abort();
      });
      expect(outcome).toMatchObject({ ok: false, kind: 'cancelled' });
      expect(texts).toHaveLength(1);
      await until(() => fake.connections() === 0, { what: () => 'the connection to be closed' });
    }
  });
});

/** A model as an author's own package would make it. */
function model(doStream: (options: { abortSignal: AbortSignal; prompt: unknown }) => unknown, specificationVersion = 'v4'): LanguageModel {
  return {
    specificationVersion,
    provider: 'mine',
    modelId: 'large',
    doStream: async (options: never) => ({ stream: await doStream(options) }),
  };
}
const streamOf = (...said: unknown[]) => ReadableStream.from(said);
const ask = (own: LanguageModel, more: Partial<CallLimits> = {}, texts: string[] = []) =>
  createOwnProvider('mine', new Map([['large', own]]), parts).generate(request(), limits(more), (text) => texts.push(text));
const usage = { inputTokens: { total: 3 }, outputTokens: { total: 4 } };

describe('a model the author hands in', () => {
  const words = [
    { type: 'text-start', id: '1' },
    { type: 'text-delta', id: '1', delta: 'Hel' },
    { type: 'text-delta', id: '1', delta: 'lo' },
    { type: 'text-end', id: '1' },
  ];
  const good = { ok: true, parts: [{ type: 'text', text: 'Hello' }], finish: 'stop', usage: { inputTokens: 3, outputTokens: 4 } };

  test.each([
    ['v4', { type: 'finish', usage, finishReason: { unified: 'stop', raw: 'end_turn' } }],
    ['v3', { type: 'finish', usage, finishReason: { unified: 'stop', raw: undefined } }],
    ['v2', { type: 'finish', usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7 }, finishReason: 'stop' }],
  ])('answers in the words of %s of the interface', async (version, finish) => {
    expect(await ask(model(() => streamOf(...words, finish), version))).toEqual(good);
  });

  test('keeps a character that was cut in two', async () => {
    const halves = ['\ud83d', '\ude00!'].map((delta) => ({ type: 'text-delta', id: '1', delta }));
    const texts: string[] = [];
    await ask(
      model(() => streamOf(...halves, { type: 'finish', usage, finishReason: 'stop' })),
      {},
      texts,
    );
    expect(texts).toEqual(['😀!']);
  });

  test.each<[string, string, Partial<CallLimits>, () => unknown]>([
    ['never answers', 'silent first_byte_timeout', { firstByteMs: 60 }, () => new Promise(() => undefined)],
    ['opens a stream and says nothing', 'silent first_byte_timeout', { firstByteMs: 60 }, () => new ReadableStream()],
    [
      'stops talking',
      'silent idle_timeout',
      { idleMs: 60 },
      () => new ReadableStream({ start: (c) => c.enqueue({ type: 'text-delta', id: '1', delta: 'half' }) }),
    ],
    ['does not know when to stop', 'deadline deadline', { deadlineAt: clock.monotonic() + 1e9 }, () => endless()],
    [
      'throws',
      'cut stream_error',
      {},
      () => {
        throw new Error('secret words');
      },
    ],
    [
      'throws what is no error',
      'cut stream_error',
      {},
      () => {
        throw 'secret words';
      },
    ],
    ['gives no stream', 'cut stream_error', {}, () => 'text'],
    ['streams what is no part', 'cut stream_cut', {}, () => streamOf(null, 5, 'text', { type: 'of a later version' })],
    ['ends without an end', 'cut stream_cut', {}, () => streamOf(...words)],
    [
      'says too much',
      'cut response_too_large',
      {},
      () => streamOf(...Array.from({ length: 12 }, () => ({ type: 'text-delta', id: '1', delta: 'x'.repeat(1 << 20) }))),
    ],
    [
      'is refused',
      'transient http_429',
      {},
      () => {
        throw Object.assign(new Error('secret words'), { statusCode: 429, responseHeaders: { 'retry-after': '2' } });
      },
    ],
    [
      'has no key',
      'bad_key no_key',
      {},
      () => {
        throw Object.assign(new Error('secret words'), { name: 'AI_LoadAPIKeyError' });
      },
    ],
    [
      'cannot connect',
      'transient connect_failed',
      {},
      () => {
        throw new Error('fetch failed', { cause: Object.assign(new Error('no'), { code: 'ECONNREFUSED' }) });
      },
    ],
  ])('that %s is a value: %s', async (_how, said, more, doStream) => {
    const deadline = more.deadlineAt === undefined ? {} : { deadlineAt: clock.monotonic() + 150 };
    const outcome = await ask(model(doStream), { ...more, ...deadline });
    expect(outcome.ok ? 'ok' : `${outcome.kind} ${outcome.code}`).toBe(said);
    expect(JSON.stringify(outcome)).not.toContain('secret');
  });

  test('is told to stop, and heard no more, when a limit strikes', async () => {
    let told = false;
    const texts: string[] = [];
    const own = model(({ abortSignal }) => {
      abortSignal.addEventListener('abort', () => {
        told = true;
      });
      return endless();
    });
    await ask(own, { deadlineAt: clock.monotonic() + 100 }, texts);
    const heard = texts.length;
    await until(() => told, { what: () => 'the model to be told' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(texts).toHaveLength(heard);
  });

  test('gets back what it signed, and nobody else does', async () => {
    const prompts: string[] = [];
    const own = model(({ prompt }) => {
      prompts.push(JSON.stringify(prompt));
      const call = { type: 'tool-call', toolCallId: 'x', toolName: 'now', input: '{}', providerMetadata: { vendor: { seal: 'seal-1' } } };
      return streamOf(call, { type: 'finish', usage, finishReason: 'tool-calls' });
    });
    const outcome = await ask(own);
    if (!outcome.ok) throw new Error(outcome.code);
    const history: ModelMessage[] = [...request().messages, { role: 'assistant', parts: outcome.parts }];
    const mine = createOwnProvider('mine', new Map([['large', own]]), parts);
    await mine.generate(request({ messages: renderHistory(history, 'mine') }), limits(), () => undefined);
    const other = createOwnProvider('other', new Map([['large', own]]), parts);
    await other.generate(request({ messages: renderHistory(history, 'other') }), limits(), () => undefined);
    expect(prompts.map((prompt) => prompt.includes('seal-1'))).toEqual([false, true, false]);
  });

  test('has its name in the order, and only that name', async () => {
    const own = model(() => streamOf(...words, { type: 'finish', usage, finishReason: 'stop' }));
    const config = {
      gemini: { baseUrl: 'http://unused.invalid' },
      models: ['mine/large'],
      firstByteMs: 500,
      idleMs: 500,
      modelConcurrency: 2,
    };
    const models = createModels({ config, clock, log, random: Math.random, ownModels: new Map([['mine/large', own]]) });
    expect(['mine/large', 'mine/small', 'mine', 'other/large'].map((name) => models.knows(name))).toEqual([true, false, false, false]);
    const answered = await models.ask({
      request: request(),
      deadlineAt: clock.monotonic() + 1_000,
      signal: new AbortController().signal,
      onText: () => undefined,
      onRestart: () => false,
    });
    expect(answered).toMatchObject({ ok: true, model: 'mine/large' });
    await models.close();
  });
});

function endless(): ReadableStream {
  return new ReadableStream({
    pull: (controller) =>
      new Promise((resolve) =>
        setImmediate(() => {
          controller.enqueue({ type: 'text-delta', id: '1', delta: 'x' });
          resolve();
        }),
      ),
  });
}

describe('what people are told', () => {
  let chat: FakeChat;
  beforeAll(async () => {
    chat = await startFakeChat();
  });
  afterAll(() => chat.stop());
  afterEach(() => chat.setBehaviour({}));

  async function stateAfter(name: string, fault?: '401' | '404' | 'no-credit') {
    const config = {
      gemini: { baseUrl: 'http://unused.invalid' },
      others: { compatible: { apiKey, baseUrl: `${chat.url}/v1` }, ollama: { baseUrl: chat.url } },
      models: [name],
      ...{ firstByteMs: 500, idleMs: 500, modelConcurrency: 2 },
    };
    const models = createModels({ config, clock, log, random: Math.random });
    if (fault) {
      chat.setBehaviour({ fault });
      await models.ask({
        request: request(),
        deadlineAt: clock.monotonic() + 1_000,
        signal: new AbortController().signal,
        onText: () => undefined,
        onRestart: () => false,
      });
    }
    const [state] = models.states();
    await models.close();
    return `${state?.state}: ${state?.fix}`;
  }

  test('names the setting that is missing or wrong, and the command that mends it', async () => {
    expect(await stateAfter('openai/gpt')).toBe('unconfigured: Set OPENAI_API_KEY in .env and restart.');
    expect(await stateAfter('anthropic/claude')).toBe('unconfigured: Set ANTHROPIC_API_KEY in .env and restart.');
    expect(await stateAfter('gemini/pro')).toBe('unconfigured: Set GEMINI_API_KEY in .env and restart.');
    expect(await stateAfter('compatible/x', '401')).toMatch(
      /^bad_key: The server refuses the key: check OPENAI_COMPATIBLE_API_KEY in .env/,
    );
    expect(await stateAfter('compatible/x', 'no-credit')).toMatch(/^bad_key: The account behind OPENAI_COMPATIBLE_API_KEY has no credit/);
    expect(await stateAfter('ollama/llama3.2:3b', '404')).toBe('ok: Ollama does not have the model. Get it: ollama pull llama3.2:3b');
  });
});
