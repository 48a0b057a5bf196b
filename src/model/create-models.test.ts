import { setImmediate as breathe } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FakeGemini, startFakeGemini } from '../../test/support/fake-gemini/fake-gemini.ts';
import { systemClock as clock } from '../base/clock.ts';
import { type LogFields, type Logger, silentLogger } from '../base/log.ts';
import { Secret } from '../base/secret.ts';
import type { BreakerSettings } from './breaker.ts';
import { createModels, type ModelsOptions } from './create-models.ts';
import type { Ask, AskOutcome, Models } from './models.ts';

let fake: FakeGemini;
let models: Models;
beforeAll(async () => {
  fake = await startFakeGemini();
});
afterAll(() => fake.stop());
beforeEach(() => {
  fake.setBehaviour({ text: 'fine' });
  fake.requests.length = 0;
});
afterEach(() => models.close());

interface Setup extends Partial<Omit<ModelsOptions, 'config'>> {
  names?: string[];
  keyless?: boolean;
  concurrency?: number;
  firstByteMs?: number;
}

function setup({ names = ['gemini/one'], keyless = false, concurrency = 64, firstByteMs = 300, ...rest }: Setup = {}): void {
  const gemini = keyless ? { baseUrl: fake.url } : { baseUrl: fake.url, apiKey: new Secret('a-key') };
  models = createModels({
    config: { gemini, models: names, firstByteMs, idleMs: 300, modelConcurrency: concurrency },
    clock,
    random: () => 0.01,
    log: silentLogger,
    ...rest,
  });
}

function ask(over: Partial<Ask> & { ms?: number } = {}): Promise<AskOutcome> {
  return models.ask({
    request: { instructions: '', messages: [{ role: 'user', parts: [{ type: 'text', text: 'hello' }] }], tools: [] },
    deadlineAt: clock.monotonic() + (over.ms ?? 3_000),
    signal: new AbortController().signal,
    onText: () => undefined,
    onRestart: () => false,
    ...over,
  });
}

const code = (outcome: AskOutcome) => (outcome.ok ? outcome.model : outcome.failure.code);
const times = async (count: number, run: () => Promise<AskOutcome>) => {
  const seen: string[] = [];
  for (let i = 0; i < count; i += 1) seen.push(code(await run()));
  return seen;
};
/** Faults by model name. */
const per = (faults: Record<string, Parameters<FakeGemini['push']>[0]>) =>
  fake.setBehaviour((request) => faults[request.model] ?? { text: `from ${request.model}` });
const quickProbes: Partial<BreakerSettings> = { probeMs: 30, probesFast: 1_000 };

describe('the fallback order', () => {
  test('goes on to the next model when one cannot answer, and asks a silent one only once', async () => {
    setup({ names: ['gemini/one', 'gemini/two'] });
    per({ one: { fault: 'silent' } });
    const outcome = await ask();
    expect(outcome).toMatchObject({ ok: true, model: 'gemini/two' });
    expect(outcome.attempts.map(({ provider, model, code: said }) => `${provider}/${model} ${said}`)).toEqual([
      'gemini/one first_byte_timeout',
      'gemini/two ok',
    ]);
  });

  test('gives each model its share of the time', async () => {
    setup({ names: ['gemini/one', 'gemini/two', 'gemini/three'], firstByteMs: 25_000 });
    per({ one: { fault: 'silent' }, two: { fault: 'silent' } });
    const outcome = await ask({ ms: 1_500 });
    expect(outcome).toMatchObject({ ok: true, model: 'gemini/three' });
    for (const attempt of outcome.attempts.slice(0, 2)) expect(Math.abs(attempt.ms - 500)).toBeLessThan(100);
  });

  test('begins with the model the caller prefers', async () => {
    setup({ names: ['gemini/one'] });
    per({});
    expect(code(await ask({ prefer: 'gemini/other' }))).toBe('gemini/other');
    per({ other: { fault: '404' } });
    expect(code(await ask({ prefer: 'gemini/other' }))).toBe('gemini/one');
    expect(code(await ask({ prefer: 'nobody/nothing' }))).toBe('gemini/one');
  });

  test('a safety stop ends it: no other model is asked', async () => {
    setup({ names: ['gemini/one', 'gemini/two'] });
    per({ one: { fault: 'safety' } });
    expect(await ask()).toMatchObject({ ok: false, failure: { kind: 'blocked' } });
    expect(fake.requests).toHaveLength(1);
  });

  test('nothing is begun with less than 250 ms left, nor for a caller who has gone', async () => {
    setup();
    expect(await ask({ ms: 200 })).toMatchObject({ ok: false, failure: { kind: 'deadline' }, attempts: [] });
    expect(await ask({ signal: AbortSignal.abort() })).toMatchObject({ ok: false, failure: { kind: 'cancelled' }, attempts: [] });
    expect(fake.requests).toHaveLength(0);
  });

  test('each provider sees the history rendered for it', async () => {
    setup();
    const signed = { type: 'text' as const, text: 'well', signature: 'c2ln', signedBy: 'other' };
    const messages = [
      { role: 'user' as const, parts: [{ type: 'text' as const, text: 'a' }] },
      { role: 'user' as const, parts: [{ type: 'text' as const, text: 'b' }] },
      { role: 'assistant' as const, parts: [signed] },
      { role: 'user' as const, parts: [{ type: 'text' as const, text: 'c' }] },
    ];
    await ask({ request: { instructions: '', tools: [], messages } });
    expect(fake.requests[0]?.body().contents).toEqual([
      { role: 'user', parts: [{ text: 'a' }, { text: 'b' }] },
      { role: 'model', parts: [{ text: 'well' }] },
      { role: 'user', parts: [{ text: 'c' }] },
    ]);
  });
});

describe('after the first token', () => {
  const listen = (allow: boolean) => {
    const heard: string[] = [];
    const onText = (text: string) => heard.push(text);
    const onRestart = () => {
      heard.push('RESTART');
      return allow;
    };
    return { heard, onText: onText as Ask['onText'], onRestart };
  };

  test('one restart goes to the next model, and the first text is void', async () => {
    setup({ names: ['gemini/one', 'gemini/two'] });
    per({ one: { fault: 'reset-mid' } });
    const { heard, ...listeners } = listen(true);
    expect(await ask(listeners)).toMatchObject({ ok: true, model: 'gemini/two' });
    expect(heard).toEqual(['half an answer ', 'RESTART', 'from two']);
  });

  test('a caller who forbids it gets the partial text', async () => {
    setup({ names: ['gemini/one', 'gemini/two'] });
    per({ one: { fault: 'reset-mid' } });
    const { heard, ...listeners } = listen(false);
    expect(await ask(listeners)).toMatchObject({ ok: false, partial: 'half an answer ', model: 'gemini/one' });
    expect(heard).toEqual(['half an answer ', 'RESTART']);
  });

  test('the only model is asked again after a break, once, and never after silence', async () => {
    setup();
    const { heard, ...listeners } = listen(true);
    fake.push({ fault: 'cut-mid' });
    expect(await ask(listeners)).toMatchObject({ ok: true });
    expect(heard).toEqual(['half an answer ', 'RESTART', 'fine']);
    fake.setBehaviour({ fault: 'truncated' });
    const calls = fake.requests.length;
    expect(await ask({ ...listeners })).toMatchObject({ ok: false, partial: 'half an answer ' });
    expect(fake.requests.length - calls).toBe(2);
    fake.setBehaviour({ fault: 'silent-mid' });
    expect(await ask({ ...listeners })).toMatchObject({ ok: false, partial: 'half an answer ', failure: { code: 'idle_timeout' } });
    expect(fake.requests.length - calls).toBe(3);
  });

  test('a second break ends it with the text of the second', async () => {
    setup({ names: ['gemini/one', 'gemini/two', 'gemini/three'] });
    per({ one: { fault: 'reset-mid' }, two: { fault: 'truncated' } });
    const { heard, ...listeners } = listen(true);
    expect(await ask(listeners)).toMatchObject({ ok: false, partial: 'half an answer ', model: 'gemini/two' });
    expect(heard.filter((text) => text === 'RESTART')).toHaveLength(1);
  });
});

describe('a failing model is not hammered (P16)', () => {
  test('retries stay within ten percent of the requests, plus ten', async () => {
    setup();
    // Every third call fails: too few for the breaker.
    let n = 0;
    fake.setBehaviour(() => (++n % 3 === 0 ? { fault: '503' } : { text: 'fine' }));
    const before = fake.requests.length;
    await times(300, ask);
    expect(fake.requests.length - before).toBeLessThanOrEqual(300 * 1.1 + 10);
    expect(fake.requests.length - before).toBeGreaterThan(300 + 30);
  });

  test.each(['429', '503', 'reset', 'html', 'truncated'] as const)(
    '%s: learned after five failures, then not one user request, at once',
    async (fault) => {
      setup();
      fake.setBehaviour({ fault });
      await times(5, ask);
      expect(models.states()[0]?.state).toBe('open');
      const learned = fake.requests.length;
      expect(learned).toBeLessThanOrEqual(5);
      const startedAt = clock.monotonic();
      expect(new Set(await times(200, ask))).toEqual(new Set(['breaker_open']));
      expect(clock.monotonic() - startedAt).toBeLessThan(200);
      expect(fake.requests.length).toBe(learned);
      expect(models.available()).toBe(false);
    },
  );

  test('64 at once that meet a failing model cost few more calls than requests', async () => {
    setup();
    fake.setBehaviour({ fault: '503' });
    await Promise.all(Array.from({ length: 64 }, () => ask()));
    expect(fake.requests.length).toBeLessThanOrEqual(64 + 10);
  });

  test('silence opens it, but not the silence a caller with a tiny deadline hears', async () => {
    setup({ firstByteMs: 25_000 });
    fake.setBehaviour({ fault: 'silent' });
    await Promise.all(Array.from({ length: 30 }, () => ask({ ms: 300 })));
    expect(models.states()[0]).toMatchObject({ state: 'ok', lastFailure: 'first_byte_timeout' });
    await models.close();
    setup({ firstByteMs: 260 });
    await times(5, ask);
    expect(models.states()[0]?.state).toBe('open');
  });

  test.each(['400', '404', '413', 'safety', 'prompt-blocked', 'max-tokens-empty'] as const)(
    '%s says nothing against the model',
    async (fault) => {
      setup();
      fake.setBehaviour({ fault });
      await times(30, ask);
      expect(models.states()[0]?.state).toBe('ok');
    },
  );
});

describe('recovery (P17)', () => {
  test('a probe closes the breaker, labelled, with one token, and no user request goes out before', async () => {
    setup({ breaker: quickProbes });
    fake.setBehaviour({ fault: '503' });
    await times(5, ask);
    const learned = fake.requests.length;
    while (fake.requests.length < learned + 3) {
      await ask();
      await breathe();
    }
    fake.setBehaviour({ fault: 'max-tokens-empty' }); // what a thinking model makes of one token
    const calls = fake.requests.length;
    await models.whenAvailable(new AbortController().signal);
    expect(fake.requests.length - calls).toBeLessThanOrEqual(5);
    fake.setBehaviour({ text: 'back' });
    expect(await times(20, ask)).toEqual(Array.from({ length: 20 }, () => 'gemini/one'));
    const probes = fake.requests.filter((request) => request.body().generationConfig?.maxOutputTokens === 1);
    expect(probes.length).toBeGreaterThanOrEqual(4);
    expect(probes[0]?.bodyText).toContain('availability probe');
    expect(fake.requests.length).toBe(5 + probes.length + 20);
  });

  test('a silent model is found again', async () => {
    setup({ breaker: quickProbes, firstByteMs: 260 });
    fake.setBehaviour({ fault: 'silent' });
    await times(5, ask);
    fake.setBehaviour({ text: 'back' });
    await models.whenAvailable(new AbortController().signal);
    expect(await ask()).toMatchObject({ ok: true });
  });

  test('a refused key opens at once, says how to mend it, and closes when the key works', async () => {
    const lines: string[] = [];
    const write = (event: string, fields?: LogFields) => void lines.push(`${event} ${fields?.reason ?? ''}`);
    const log: Logger = { debug: write, info: write, warn: write, error: write };
    setup({ breaker: quickProbes, log });
    fake.setBehaviour({ fault: 'bad-key' });
    await ask();
    expect(models.states()).toEqual([
      { name: 'gemini/one', state: 'bad_key', lastFailure: 'api_key_invalid', fix: expect.stringContaining('GEMINI_API_KEY') },
    ]);
    fake.setBehaviour({ text: 'good' });
    await models.whenAvailable(new AbortController().signal);
    expect(await ask()).toMatchObject({ ok: true });
    expect(models.states()[0]).not.toHaveProperty('fix');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(
      expect.arrayContaining(['model.attempt', 'breaker.open', 'breaker.probe', 'breaker.close']),
    );
    expect(lines).toContain('breaker.open bad_key');
  });

  test('waiting for a model ends with the caller or with the server', async () => {
    setup({ breaker: { probeMs: 60_000 } });
    fake.setBehaviour({ fault: 'bad-key' });
    await ask();
    const stop = new AbortController();
    const waits = [models.whenAvailable(stop.signal), models.whenAvailable(new AbortController().signal)];
    stop.abort();
    await waits[0];
    await models.close();
    await waits[1];
  });
});

describe('admission', () => {
  test('more calls than places wait their turn; beyond the queue the next model is taken', async () => {
    setup({ names: ['gemini/one', 'demo'], concurrency: 2, firstByteMs: 2_000 });
    per({ one: { text: 'slow', latencyMs: 150 } });
    const asked = Array.from({ length: 7 }, () => ask());
    await breathe();
    const seen = (await Promise.all(asked)).map(code);
    expect(seen.filter((name) => name === 'gemini/one')).toHaveLength(6);
    expect(seen.filter((name) => name === 'demo')).toHaveLength(1);
    expect(models.states()[0]?.state).toBe('ok');
  });

  test('the expected wait is said before a call is made', async () => {
    setup({ concurrency: 1, firstByteMs: 2_000 });
    expect(models.expectedWaitMs()).toBe(0);
    fake.setBehaviour({ text: 'slow', latencyMs: 100 });
    await ask();
    const asked = [ask(), ask(), ask()];
    expect(models.expectedWaitMs()).toBe(Number.POSITIVE_INFINITY);
    await Promise.all(asked);
    expect(models.expectedWaitMs()).toBe(0);
  });

  test('who cannot be served in time hears so by the deadline', async () => {
    setup({ concurrency: 1, firstByteMs: 2_000 });
    fake.setBehaviour({ text: 'slow', latencyMs: 1_000 });
    const [first, second] = await Promise.all([ask(), ask({ ms: 400 })]);
    expect(first.ok).toBe(true);
    expect(second).toMatchObject({ ok: false, failure: { kind: 'deadline', code: 'queue_timeout' } });
  });
});

describe('names', () => {
  test('a model without its key is unconfigured and skipped', async () => {
    setup({ names: ['gemini/one', 'demo'], keyless: true });
    expect(models.states()).toEqual([
      { name: 'gemini/one', state: 'unconfigured', fix: expect.stringContaining('GEMINI_API_KEY') },
      { name: 'demo', state: 'ok' },
    ]);
    expect(code(await ask())).toBe('demo');
    expect(models.knows('gemini/one')).toBe(false);
    await models.close();
    setup({ keyless: true });
    expect(await ask()).toMatchObject({ ok: false, failure: { code: 'no_model' } });
    expect(models.available()).toBe(false);
  });

  test('knows demo and any sane Gemini name, and nothing else', () => {
    setup();
    for (const name of ['demo', 'gemini/gemini-flash-latest', 'gemini/fault-429', 'gemini/tuned/a:b'])
      expect(models.knows(name)).toBe(true);
    const odd = [
      '',
      'gemini',
      'gemini/',
      'gemini/../x',
      'gemini/a/../x',
      'gemini/a b',
      'gemini/a//b',
      'demo/x',
      'openai/gpt',
      'constructor',
    ];
    for (const name of [...odd, `gemini/${'x'.repeat(200)}`, '__proto__/x']) expect(models.knows(name)).toBe(false);
  });
});

describe('check', () => {
  test('calls each configured model once, says what came back, and shares the calls', async () => {
    setup({ names: ['gemini/one', 'gemini/two', 'gemini/gone', 'demo', 'other/x'] });
    per({ two: { fault: '503' }, gone: { fault: '404' } });
    const [first, second] = await Promise.all([models.check(), models.check()]);
    expect(second).toBe(first);
    expect(first.map(({ name, state, code }) => [name, state, code])).toEqual([
      ['gemini/one', 'ok', 'ok'],
      ['gemini/two', 'ok', 'http_503'],
      ['gemini/gone', 'ok', 'http_404'],
      ['demo', 'ok', 'ok'],
      ['other/x', 'unconfigured', 'unconfigured'],
    ]);
    expect(fake.requests).toHaveLength(3);
    expect(models.sights().map(({ wasGood }) => wasGood)).toEqual([true, false, true, true, undefined]);
  });

  test('a breaker learns from it: a bad key opens it before a caller meets it', async () => {
    setup();
    expect(models.sights()[0]?.wasGood).toBeUndefined();
    fake.setBehaviour({ fault: 'bad-key' });
    expect(await models.check()).toMatchObject([
      { state: 'bad_key', code: 'api_key_invalid', fix: expect.stringContaining('GEMINI_API_KEY') },
    ]);
    expect(models.available()).toBe(false);
    expect(fake.requests).toHaveLength(1);
  });

  test('after a close it learns nothing more and does not reject', async () => {
    setup();
    fake.setBehaviour({ fault: 'silent' });
    const checking = models.check();
    await models.close();
    expect(await checking).toMatchObject([{ name: 'gemini/one', state: 'ok' }]);
  });
});
