// Every way a provider behind the AI SDK can fail, over real sockets, through the whole call policy.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFakeAnthropic } from '../../test/support/fake-anthropic/fake-anthropic.ts';
import { API_CANARY, API_FAULTS, type ApiFault, type Behaviour } from '../../test/support/fake-api/dialect.ts';
import type { FakeApi } from '../../test/support/fake-api/fake-api.ts';
import { startFakeChat, startFakeResponses } from '../../test/support/fake-openai/fake-openai.ts';
import { systemClock as clock } from '../base/clock.ts';
import type { LogFields, Logger } from '../base/log.ts';
import type { OtherProvider, ProviderAccess } from '../base/providers.ts';
import { Secret } from '../base/secret.ts';
import { createModels } from './create-models.ts';

const KEY = 'key-canary-81d4';
const DEADLINE_MS = 1_400;
const GRACE_MS = 300;

type AnyFake = Pick<FakeApi<unknown>, 'url' | 'stop' | 'connections' | 'requests' | 'refused'> & {
  setBehaviour(behaviour: Behaviour): void;
};
type Kind = 'chat' | 'responses' | 'anthropic';
const START: Record<Kind, () => Promise<AnyFake>> = { chat: startFakeChat, responses: startFakeResponses, anthropic: startFakeAnthropic };
const fakes: Partial<Record<Kind, AnyFake>> = {};
beforeAll(async () => {
  for (const kind of ['chat', 'responses', 'anthropic'] as const) fakes[kind] = await START[kind]();
  // The packages are loaded once, before anything is timed.
  for (const kind of ['chat', 'responses', 'anthropic'] as const) await meet(kind, { text: 'warm' });
});
afterAll(async () => {
  for (const fake of Object.values(fakes)) await fake.stop();
});

function access(kind: Kind, url: string): { name: OtherProvider; access: ProviderAccess } {
  const apiKey = new Secret(KEY);
  if (kind === 'anthropic') return { name: 'anthropic', access: { apiKey, baseUrl: url } };
  return kind === 'responses'
    ? { name: 'openai', access: { apiKey, baseUrl: `${url}/v1`, api: 'responses' } }
    : { name: 'compatible', access: { apiKey, baseUrl: `${url}/v1` } };
}

async function meet(kind: Kind, behaviour: Behaviour) {
  const fake = fakes[kind];
  if (!fake) throw new Error('not started');
  fake.setBehaviour(behaviour);
  const lines: string[] = [];
  const write = (event: string, fields?: LogFields) =>
    void lines.push(JSON.stringify({ event, ...fields, error: String(fields?.error ?? '') }));
  const log: Logger = { debug: write, info: write, warn: write, error: write };
  const to = access(kind, fake.url);
  const models = createModels({
    config: {
      gemini: { baseUrl: 'http://unused.invalid' },
      others: { [to.name]: to.access },
      models: [`${to.name}/fake`],
      firstByteMs: 400,
      idleMs: 300,
      modelConcurrency: 4,
    },
    clock,
    random: () => 0.2,
    log,
  });
  const texts: string[] = [];
  const calls = fake.requests.length;
  const startedAt = clock.monotonic();
  const outcome = await models.ask({
    request: { instructions: 'Be good.', messages: [{ role: 'user', parts: [{ type: 'text', text: 'hello' }] }], tools: [] },
    deadlineAt: startedAt + DEADLINE_MS,
    signal: new AbortController().signal,
    onText: (text) => texts.push(text),
    onRestart: () => false,
  });
  const ms = clock.monotonic() - startedAt;
  const state = JSON.stringify(models.states());
  await models.close();
  return { outcome, ms, texts, log: lines.join('\n'), calls: fake.requests.length - calls, state };
}

/** `kind code`, or `ok finish`; with how many upstream calls. */
const EXPECTED: Record<ApiFault, [string, number]> = {
  '400': ['rejected http_400', 1],
  '401': ['bad_key http_401', 1],
  '402': ['bad_key no_credit', 1],
  '403': ['bad_key http_403', 1],
  '404': ['rejected http_404', 1],
  '408': ['transient http_408', 3],
  '413': ['rejected http_413', 1],
  '429': ['transient http_429', 3],
  '500': ['transient http_500', 3],
  '502': ['transient http_502', 3],
  '503': ['transient http_503', 3],
  '529': ['transient http_529', 3],
  'context-too-long': ['rejected context_too_long', 1],
  'no-credit': ['bad_key no_credit', 1],
  blocked: ['blocked blocked_prompt', 1],
  silent: ['silent first_byte_timeout', 1],
  'silent-headers': ['silent first_byte_timeout', 1],
  'silent-mid': ['silent idle_timeout', 1],
  pings: ['silent first_byte_timeout', 1],
  reset: ['transient reset', 3],
  'reset-mid': ['cut stream_reset', 1],
  truncated: ['cut stream_cut', 1],
  'cut-mid': ['cut stream_reset', 1],
  drip: ['silent first_byte_timeout', 1],
  html: ['cut not_event_stream', 1],
  'bad-json': ['cut malformed_json', 1],
  'bad-utf8': ['cut invalid_utf8', 1],
  huge: ['cut response_too_large', 1],
  'huge-line': ['cut sse_line_too_long', 1],
  'huge-error': ['transient http_503', 3],
  empty: ['cut empty_answer', 1],
  filtered: ['blocked blocked_safety', 1],
  'filtered-mid': ['blocked blocked_safety', 1],
  length: ['ok length', 1],
  'length-empty': ['cut output_limit', 1],
  'error-event': ['transient http_503', 3],
  'error-event-mid': ['cut http_503', 1],
  'call-malformed': ['cut malformed_call', 1],
  'call-many': ['cut too_many_calls', 1],
  redirect: ['rejected http_307', 1],
  gzip: ['cut not_event_stream', 1],
  'not-http': ['cut not_http', 1],
  linger: ['ok stop', 1],
};

/** Where a dialect says it in its own way. */
const DIFFERENT: Record<Kind, Partial<Record<ApiFault, [string, number]>>> = {
  chat: { 'error-event': ['transient http_529', 3], 'error-event-mid': ['cut http_529', 1] },
  responses: { 'error-event': ['transient http_500', 3], 'error-event-mid': ['cut http_500', 1] },
  anthropic: {
    'error-event': ['transient http_529', 3],
    'error-event-mid': ['cut http_529', 1],
    // Its package says no more than that the first event was wrong.
    'bad-json': ['cut stream_error', 1],
    // Such a refusal has no code of its own; its models decline in the answer.
    blocked: ['rejected http_400', 1],
  },
};

describe.each(['chat', 'responses', 'anthropic'] as const)('%s', (kind) => {
  test.each(API_FAULTS)('%s', async (fault) => {
    const [said, calls] = DIFFERENT[kind][fault] ?? EXPECTED[fault];
    const seen = await meet(kind, { fault, chunkMs: 60 });
    const { outcome } = seen;
    expect(outcome.ok ? `ok ${outcome.answer.finish}` : `${outcome.failure.kind} ${outcome.failure.code}`).toBe(said);
    expect(seen.calls).toBe(calls);
    expect(seen.ms).toBeLessThan(DEADLINE_MS + GRACE_MS);
    // Nothing of what the provider wrote, and no key, goes further than the adapter.
    for (const text of [seen.log, seen.state ?? '', JSON.stringify(outcome)]) {
      expect(text).not.toContain(API_CANARY);
      expect(text).not.toContain(KEY);
    }
    expect(seen.log).not.toContain('provider.threw');
    expect(outcome.ok ? seen.texts.join('') : outcome.partial).toBe(seen.texts.join(''));
  });

  test('a good answer is streamed, counted and complete', async () => {
    const seen = await meet(kind, { text: 'The answer is a long one, in several pieces.' });
    expect(seen.outcome).toMatchObject({ ok: true, answer: { finish: 'stop', usage: { inputTokens: 12, outputTokens: 7 } } });
    expect(seen.texts.length).toBeGreaterThan(2);
    expect(seen.texts.join('')).toBe('The answer is a long one, in several pieces.');
    expect(fakes[kind]?.refused).toEqual([]);
  });

  test('a wait the provider asks for is honoured if it fits', async () => {
    const seen = await meet(kind, { fault: '429', retryAfter: '60' });
    expect(seen.calls).toBe(1);
    expect(seen.outcome).toMatchObject({ failure: { retryAfterMs: 60_000 } });
  });
});
