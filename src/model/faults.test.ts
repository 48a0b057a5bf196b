// P6: every way a provider can fail, over a real socket, through the whole call policy.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Behaviour, FAULTS, type Fault } from '../../test/support/fake-gemini/behaviour.ts';
import { type FakeGemini, startFakeGemini } from '../../test/support/fake-gemini/fake-gemini.ts';
import { PROVIDER_CANARY } from '../../test/support/fake-gemini/replies.ts';
import { systemClock as clock } from '../base/clock.ts';
import type { LogFields, Logger } from '../base/log.ts';
import { Secret } from '../base/secret.ts';
import { createModels } from './create-models.ts';
import type { AskOutcome } from './models.ts';

const KEY = 'key-canary-55e0';
const DEADLINE_MS = 1_200;
const GRACE_MS = 250;

let fake: FakeGemini;
beforeAll(async () => {
  fake = await startFakeGemini();
});
afterAll(() => fake.stop());

interface Seen {
  outcome: AskOutcome;
  ms: number;
  texts: string[];
  log: string;
  calls: number;
  state: string | undefined;
}

async function meet(behaviour: Behaviour, baseUrl = fake.url): Promise<Seen> {
  fake.setBehaviour(behaviour);
  const lines: string[] = [];
  const write = (event: string, fields?: LogFields) =>
    void lines.push(JSON.stringify({ event, ...fields, error: String(fields?.error ?? '') }));
  const log: Logger = { debug: write, info: write, warn: write, error: write };
  const models = createModels({
    config: { gemini: { apiKey: new Secret(KEY), baseUrl }, models: ['gemini/fake'], firstByteMs: 350, idleMs: 250, modelConcurrency: 4 },
    clock,
    random: () => 0.2,
    log,
  });
  const texts: string[] = [];
  const calls = fake.calls();
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
  return { outcome, ms, texts, log: lines.join('\n'), calls: fake.calls() - calls, state };
}

/** `kind code`, or `ok finish`; with how many upstream calls. */
const EXPECTED: Record<Fault, [string, number]> = {
  '400': ['rejected http_400', 1],
  '401': ['bad_key http_401', 1],
  '403': ['bad_key http_403', 1],
  '404': ['rejected http_404', 1],
  '408': ['transient http_408', 3],
  '413': ['rejected http_413', 1],
  '429': ['transient http_429', 3],
  '500': ['transient http_500', 3],
  '501': ['transient http_501', 3],
  '502': ['transient http_502', 3],
  '503': ['transient http_503', 3],
  '504': ['transient http_504', 3],
  'bad-key': ['bad_key api_key_invalid', 1],
  silent: ['silent first_byte_timeout', 1],
  'silent-headers': ['silent first_byte_timeout', 1],
  'silent-mid': ['silent idle_timeout', 1],
  refused: ['transient connect_refused', 1],
  reset: ['transient reset', 3],
  'reset-headers': ['transient reset', 3],
  'reset-mid': ['cut stream_reset', 1],
  truncated: ['cut stream_cut', 1],
  'truncated-event': ['cut stream_cut', 1],
  'cut-mid': ['cut stream_reset', 1],
  drip: ['silent first_byte_timeout', 1],
  html: ['cut not_event_stream', 1],
  'bad-json': ['cut malformed_json', 1],
  'bad-utf8': ['cut invalid_utf8', 1],
  huge: ['cut response_too_large', 1],
  'huge-line': ['cut sse_line_too_long', 1],
  'huge-error': ['transient http_503', 3],
  'silent-error': ['transient http_503', 2],
  empty: ['cut stream_cut', 1],
  'no-content': ['cut empty_answer', 1],
  blank: ['cut empty_answer', 1],
  safety: ['blocked blocked_safety', 1],
  'safety-mid': ['blocked blocked_safety', 1],
  'prompt-blocked': ['blocked blocked_prompt', 1],
  'max-tokens': ['ok length', 1],
  'max-tokens-empty': ['cut output_limit', 1],
  'unknown-enum': ['ok stop', 1],
  'unknown-enum-empty': ['cut empty_answer', 1],
  'no-usage': ['ok stop', 1],
  'error-event': ['transient http_503', 3],
  'error-event-mid': ['cut http_500', 1],
  'call-unknown': ['ok calls', 1],
  'call-args': ['ok calls', 1],
  'call-many': ['cut too_many_calls', 1],
  'call-giant': ['cut oversized_call', 1],
  'call-deep': ['cut oversized_call', 1],
  'call-nameless': ['cut malformed_call', 1],
  'call-malformed': ['cut malformed_call', 1],
  redirect: ['rejected http_302', 1],
  'redirect-loop': ['rejected http_307', 1],
  gzip: ['cut not_event_stream', 1],
  'not-http': ['cut not_http', 1],
  linger: ['ok stop', 1],
};

const verdict = (outcome: AskOutcome) => (outcome.ok ? `ok ${outcome.answer.finish}` : `${outcome.failure.kind} ${outcome.failure.code}`);

describe.each(FAULTS)('a model that does %s', (fault) => {
  test('gives one outcome in time, with nothing of the provider in it', async () => {
    const seen = await meet(fault === 'refused' ? { fault, downMs: 1_000 } : { fault });
    const [expected, calls] = EXPECTED[fault];
    if (fault === 'refused') {
      // The first call is reset by the closing server, the next ones meet a closed door.
      expect(verdict(seen.outcome)).toBe(expected);
      await fake.up();
    } else {
      expect(verdict(seen.outcome)).toBe(expected);
      expect(seen.calls).toBe(calls);
    }
    expect(seen.ms).toBeLessThan(DEADLINE_MS + GRACE_MS);
    expect(seen.outcome.attempts.length).toBeGreaterThan(0);
    for (const text of [JSON.stringify(seen.outcome), seen.log, seen.state]) {
      expect(text).not.toContain(PROVIDER_CANARY);
      expect(text).not.toContain(KEY);
    }
    if (!seen.outcome.ok) {
      expect(seen.outcome.partial).toBe(seen.texts.join(''));
      expect(seen.log).toContain('"model.attempt"');
    }
  });
});

test('a partial text is kept, marked by its outcome', async () => {
  for (const fault of ['silent-mid', 'reset-mid', 'truncated', 'cut-mid', 'safety-mid', 'error-event-mid'] as const) {
    const { outcome } = await meet({ fault });
    expect(outcome).toMatchObject({ ok: false, partial: 'half an answer ', model: 'gemini/fake' });
  }
});

test('an address where nobody listens or nobody is found is one outcome too', async () => {
  const idle = await startFakeGemini();
  await idle.stop();
  expect(verdict((await meet({}, idle.url)).outcome)).toBe('transient connect_refused');
  const nowhere = await meet({}, 'http://nowhere.invalid');
  expect(nowhere.outcome.ok).toBe(false);
  expect(nowhere.ms).toBeLessThan(DEADLINE_MS + GRACE_MS);
});

test('a TLS handshake that fails or never ends is one outcome too', async () => {
  expect(verdict((await meet({}, fake.url.replace('http:', 'https:'))).outcome)).toBe('transient tls_failed');
  const mute = createServer().listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const { port } = mute.address() as AddressInfo;
  expect(verdict((await meet({}, `https://127.0.0.1:${port}`)).outcome)).toBe('silent connect_timeout');
  mute.close();
});

test('an answer that drips in whole events is no failure until the deadline', async () => {
  const words = { words: 40, chunks: 40, chunkMs: 100 };
  const { outcome, ms } = await meet(words);
  expect(verdict(outcome)).toBe('deadline deadline');
  expect(ms).toBeGreaterThan(DEADLINE_MS - 5);
  expect(ms).toBeLessThan(DEADLINE_MS + GRACE_MS);
  expect(verdict((await meet({ words: 5, chunks: 5, chunkMs: 100 })).outcome)).toBe('ok stop');
});

test('a wait that fits is honoured, one that does not ends the try at once', async () => {
  fake.push({ fault: '429', retryInfoS: 0.4 });
  const fits = await meet({ text: 'fine' });
  expect(verdict(fits.outcome)).toBe('ok stop');
  expect(fits.ms).toBeGreaterThan(395);
  for (const behaviour of [{ retryInfoS: 30 }, { retryAfterS: 30 }]) {
    const late = await meet({ fault: '429', ...behaviour });
    expect(verdict(late.outcome)).toBe('transient http_429');
    expect(late.calls).toBe(1);
    expect(late.ms).toBeLessThan(200);
  }
});

test('every fault the fake knows has an expectation', () => {
  expect(Object.keys(EXPECTED).toSorted()).toEqual(FAULTS.toSorted());
});
