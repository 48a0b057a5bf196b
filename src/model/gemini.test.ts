import { getEventListeners } from 'node:events';
import { GoogleGenAI } from '@google/genai';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { GeminiRequest } from '../../test/support/fake-gemini/behaviour.ts';
import { type FakeGemini, startFakeGemini } from '../../test/support/fake-gemini/fake-gemini.ts';
import { until } from '../../test/support/until.ts';
import { systemClock as clock } from '../base/clock.ts';
import { Secret } from '../base/secret.ts';
import type { ModelMessage } from '../contract/message.ts';
import { OWN_CALL_ID } from './foreign.ts';
import { createGemini } from './gemini.ts';
import { classifyRefusal } from './gemini-wire.ts';
import type { ModelOutcome, ModelRequest, Provider } from './provider.ts';
import { retryAfterMs } from './wire-failure.ts';

const KEY = 'test-key-31a7';
let fake: FakeGemini;
let gemini: Provider;

beforeAll(async () => {
  fake = await startFakeGemini();
  gemini = createGemini({ apiKey: new Secret(KEY), baseUrl: `${fake.url}/`, clock, random: () => 0.5, socketsMax: 8 });
});
afterAll(async () => {
  await gemini.close();
  await fake.stop();
});
afterEach(() => fake.setBehaviour({}));

const user = (text: string): ModelMessage => ({ role: 'user', parts: [{ type: 'text', text }] });
const plain = (messages: ModelMessage[]): ModelRequest => ({ model: 'gemini-flash-latest', instructions: '', messages, tools: [] });

async function ask(request: ModelRequest, provider = gemini): Promise<{ outcome: ModelOutcome; texts: string[] }> {
  const texts: string[] = [];
  const limits = { deadlineAt: clock.monotonic() + 5_000, firstByteMs: 2_000, idleMs: 2_000, signal: new AbortController().signal };
  const outcome = await provider.generate(request, limits, (text) => texts.push(text));
  return { outcome, texts };
}

const CONVERSATION: ModelRequest = {
  model: 'gemini-flash-latest',
  instructions: 'Be brief. Grüße 👋',
  maxOutputTokens: 321,
  tools: [
    {
      name: 'lookup',
      description: 'Finds things.',
      parameters: { type: 'object', properties: { what: { type: 'string' } }, required: ['what'], additionalProperties: false },
    },
  ],
  messages: [
    user('Where is it?'),
    {
      role: 'assistant',
      parts: [
        { type: 'text', text: 'Let me look.', signature: 'c2lnLTE=', signedBy: 'gemini' },
        { type: 'call', callId: 'g-1', name: 'lookup', args: { what: 'it' }, signature: 'c2lnLTI=', signedBy: 'gemini' },
        { type: 'call', callId: 'g-2', name: 'lookup', args: { what: 'that' } },
      ],
    },
    {
      role: 'tool',
      parts: [
        { type: 'result', callId: 'g-1', name: 'lookup', outcome: 'ok', value: { at: ['here', 3] } },
        { type: 'result', callId: 'g-2', name: 'lookup', outcome: 'error', value: 'not found' },
      ],
    },
  ],
};

/** The same conversation in the words of Google's own client. */
function oracleStream(ai: GoogleGenAI) {
  return ai.models.generateContentStream({
    model: 'gemini-flash-latest',
    contents: [
      { role: 'user', parts: [{ text: 'Where is it?' }] },
      {
        role: 'model',
        parts: [
          { text: 'Let me look.', thoughtSignature: 'c2lnLTE=' },
          { functionCall: { id: 'g-1', name: 'lookup', args: { what: 'it' } }, thoughtSignature: 'c2lnLTI=' },
          { functionCall: { id: 'g-2', name: 'lookup', args: { what: 'that' } } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'g-1', name: 'lookup', response: { output: { at: ['here', 3] } } } },
          { functionResponse: { id: 'g-2', name: 'lookup', response: { error: 'not found' } } },
        ],
      },
    ],
    config: {
      systemInstruction: 'Be brief. Grüße 👋',
      maxOutputTokens: 321,
      tools: [
        {
          functionDeclarations: [{ name: 'lookup', description: 'Finds things.', parametersJsonSchema: CONVERSATION.tools[0]?.parameters }],
        },
      ],
    },
  });
}

describe('held against @google/genai', () => {
  const oracle = () => new GoogleGenAI({ apiKey: KEY, apiVersion: 'v1beta', httpOptions: { baseUrl: fake.url } });

  test('sends the same request for the same conversation', async () => {
    for await (const _chunk of await oracleStream(oracle()));
    const theirs = fake.requests.at(-1);
    await ask(CONVERSATION);
    const ours = fake.requests.at(-1);
    expect(ours).not.toBe(theirs);
    expect(ours?.body()).toEqual(theirs?.body() as GeminiRequest);
    expect([ours?.method, ours?.url, ours?.headers['x-goog-api-key']]).toEqual([
      theirs?.method,
      theirs?.url,
      theirs?.headers['x-goog-api-key'],
    ]);
    expect(ours?.headers['content-type']).toBe('application/json');
  });

  test('reads the same answer from the same stream: text, calls, signatures, tokens', async () => {
    fake.setBehaviour({
      text: 'Grüße from 東京 👋, in pieces.',
      chunks: 7,
      calls: [
        { name: 'lookup', args: { what: 'é\u2028' }, id: 'g-9' },
        { name: 'lookup', args: {}, id: 'g-10' },
      ],
      signature: 'c2ln',
    });
    const theirs = { text: '', calls: [] as unknown[], signatures: [] as string[], input: 0, output: 0 };
    for await (const chunk of await oracleStream(oracle())) {
      for (const part of chunk.candidates?.[0]?.content?.parts ?? []) {
        theirs.text += part.text ?? '';
        if (part.functionCall) theirs.calls.push(part.functionCall);
        if (part.thoughtSignature) theirs.signatures.push(part.thoughtSignature);
      }
      theirs.input = chunk.usageMetadata?.promptTokenCount ?? 0;
      theirs.output = (chunk.usageMetadata?.candidatesTokenCount ?? 0) + (chunk.usageMetadata?.thoughtsTokenCount ?? 0);
    }
    const { outcome, texts } = await ask(CONVERSATION);
    if (!outcome.ok) throw new Error(outcome.code);
    expect(texts.join('')).toBe(theirs.text);
    expect(theirs.text).toBe('Grüße from 東京 👋, in pieces.');
    const calls = outcome.parts.filter((part) => part.type === 'call');
    expect(calls.map(({ callId, name, args }) => ({ id: callId, name, args }))).toEqual(theirs.calls);
    expect(outcome.parts.flatMap((part) => ('signature' in part && part.signature ? [part.signature] : []))).toEqual(theirs.signatures);
    expect(outcome.usage.outputTokens).toBe(theirs.output);
    expect(outcome.usage.inputTokens).toBeGreaterThan(0);
    expect(outcome.finish).toBe('calls');
  });
});

test('the key goes in its header and never in the address', async () => {
  await ask(plain([user('hi')]));
  const request = fake.requests.at(-1);
  expect(request?.headers['x-goog-api-key']).toBe(KEY);
  expect(request?.url).toBe('/v1beta/models/gemini-flash-latest:streamGenerateContent?alt=sse');
});

test('without a key, or with one no header can carry, nothing is sent', async () => {
  for (const [apiKey, code] of [
    [undefined, 'no_key'],
    [new Secret('with\nnewline'), 'malformed_key'],
  ] as const) {
    const before = fake.calls();
    const keyless = createGemini({ ...(apiKey ? { apiKey } : {}), baseUrl: fake.url, clock, random: () => 0, socketsMax: 1 });
    expect((await ask(plain([user('hi')]), keyless)).outcome).toEqual({ ok: false, kind: 'bad_key', code });
    expect(fake.calls()).toBe(before);
    await keyless.close();
  }
});

test('a signature at the end of a text comes back as its own part, so that it can go out as it came in', async () => {
  fake.setBehaviour({ text: 'well', signature: 'c2ln', chunks: 1 });
  const { outcome } = await ask(plain([user('hi')]));
  if (!outcome.ok) throw new Error(outcome.code);
  expect(outcome.parts).toEqual([
    { type: 'text', text: 'well' },
    { type: 'text', text: '', signature: 'c2ln', signedBy: 'gemini' },
  ]);
  await ask(plain([user('hi'), { role: 'assistant', parts: outcome.parts }, user('more')]));
  expect(fake.requests.at(-1)?.body().contents?.[1]).toEqual({
    role: 'model',
    parts: [{ text: 'well' }, { text: '', thoughtSignature: 'c2ln' }],
  });
});

test('a call without an id gets one of ours, which never reaches Gemini', async () => {
  fake.setBehaviour({ calls: [{ name: 'lookup', args: { what: 'x' } }] });
  const { outcome } = await ask(plain([user('hi')]));
  const part = outcome.ok ? outcome.parts[0] : undefined;
  if (part?.type !== 'call') throw new Error('no call');
  expect(part.callId.startsWith(OWN_CALL_ID)).toBe(true);
  const result = { type: 'result' as const, callId: part.callId, name: 'lookup', outcome: 'ok' as const, value: null };
  await ask(plain([user('hi'), { role: 'assistant', parts: [part] }, { role: 'tool', parts: [result] }]));
  expect(fake.requests.at(-1)?.bodyText).not.toContain(OWN_CALL_ID);
});

test('a lone surrogate does not spoil the request', async () => {
  const { outcome } = await ask(plain([user('half \ud83d a smile')]));
  expect(outcome.ok).toBe(true);
  expect(fake.requests.at(-1)?.body().contents?.[0]?.parts?.[0]?.text).toBe('half \ufffd a smile');
});

test('an aborted call is cancelled at once, and one that is aborted already sends nothing', async () => {
  fake.setBehaviour({ fault: 'silent-mid' });
  const stop = new AbortController();
  const limits = { deadlineAt: clock.monotonic() + 5_000, firstByteMs: 2_000, idleMs: 2_000, signal: stop.signal };
  const outcome = await gemini.generate(plain([user('hi')]), limits, () => stop.abort());
  expect(outcome).toMatchObject({ ok: false, kind: 'cancelled' });
  const calls = fake.calls();
  expect(await gemini.generate(plain([user('hi')]), limits, () => undefined)).toMatchObject({ ok: false, kind: 'cancelled' });
  expect(fake.calls()).toBe(calls);
});

test('a call given up leaves no socket, and no call leaves a listener', async () => {
  const own = createGemini({ apiKey: new Secret(KEY), baseUrl: fake.url, clock, random: () => 0, socketsMax: 4 });
  const before = fake.connections();
  const { signal } = new AbortController();
  for (const fault of ['silent', 'silent-mid', 'linger', 'huge-line', undefined] as const) {
    fake.setBehaviour(fault ? { fault } : { text: 'fine' });
    const limits = { deadlineAt: clock.monotonic() + 5_000, firstByteMs: 60, idleMs: 60, signal };
    await own.generate(plain([user('hi')]), limits, () => undefined);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    // The other end hears of it in its own time; a good call may keep its one socket.
    await until(() => fake.connections() - before <= (fault ? 0 : 1));
  }
  await own.close();
});

test('calls share kept connections', async () => {
  const own = createGemini({ apiKey: new Secret(KEY), baseUrl: fake.url, clock, random: () => 0, socketsMax: 4 });
  const before = fake.connections();
  for (let i = 0; i < 20; i += 1) await ask(plain([user('hi')]), own);
  expect(fake.connections() - before).toBeLessThanOrEqual(1);
  await own.close();
});

describe('a refusal', () => {
  const body = (details: object[]) => JSON.stringify({ error: { code: 0, message: 'x', details } });
  const retryInfo = (retryDelay: unknown) => body([{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay }]);

  test('is judged by its reason before its status', () => {
    const reason = body([{ '@type': 'x', reason: 'API_KEY_INVALID' }]);
    expect(classifyRefusal(400, reason, {}, 0)).toEqual({ ok: false, kind: 'bad_key', code: 'api_key_invalid' });
    expect(classifyRefusal(400, body([{ reason: 'OTHER' }]), {}, 0).kind).toBe('rejected');
    const kinds = [401, 403, 404, 408, 413, 418, 429, 500, 599, 302, 204].map((status) => classifyRefusal(status, '', {}, 0).kind);
    expect(kinds).toEqual([
      'bad_key',
      'bad_key',
      'rejected',
      'transient',
      'rejected',
      'rejected',
      'transient',
      'transient',
      'transient',
      'rejected',
      'cut',
    ]);
  });

  test('says when to come back, by RetryInfo or by header, the later counts', () => {
    expect(classifyRefusal(429, retryInfo('1.5s'), {}, 0).retryAfterMs).toBe(1_500);
    expect(classifyRefusal(503, retryInfo('2s'), { 'retry-after': '7' }, 0).retryAfterMs).toBe(7_000);
    for (const absurd of ['-3s', '1e9s', 'soon', 7, null, '99999999999999s']) {
      expect(classifyRefusal(429, retryInfo(absurd), {}, 0).retryAfterMs).toBeUndefined();
    }
    expect(classifyRefusal(400, retryInfo('2s'), {}, 0).retryAfterMs).toBeUndefined();
    const at = Date.UTC(2026, 0, 1);
    expect(retryAfterMs({ 'retry-after': new Date(at + 9_000).toUTCString() }, at)).toBe(9_000);
    expect(retryAfterMs({ 'retry-after': new Date(at - 9_000).toUTCString() }, at)).toBe(0);
    expect(retryAfterMs({ 'retry-after': 'tomorrow' }, at)).toBeUndefined();
  });

  test('with a body that is anything at all never throws', () => {
    for (const text of ['', 'null', '[]', '[[]]', '"x"', '{"error":[]}', '{"error":{"details":{}}}', '<html>', '['.repeat(100_000)]) {
      expect(classifyRefusal(503, text, {}, 0)).toEqual({ ok: false, kind: 'transient', code: 'http_503' });
    }
  });
});
