import { afterEach, expect, test } from 'vitest';
import { systemClock as clock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { createModels } from './create-models.ts';
import type { Ask, AskOutcome, Models } from './models.ts';
import type { ModelOutcome, Provider } from './provider.ts';

let models: Models;
afterEach(() => models.close());

function withProvider(generate: Provider['generate']): void {
  const odd: Provider = { name: 'odd', generate, close: async () => undefined };
  const config = { gemini: { baseUrl: 'http://unused.invalid' }, models: ['odd/one'], firstByteMs: 300, idleMs: 300, modelConcurrency: 4 };
  models = createModels({ config, clock, random: () => 0.01, log: silentLogger, providers: { odd } });
}

function ask(over: Partial<Ask> = {}): Promise<AskOutcome> {
  return models.ask({
    request: { instructions: '', messages: [{ role: 'user', parts: [{ type: 'text', text: 'hello' }] }], tools: [] },
    deadlineAt: clock.monotonic() + 3_000,
    signal: new AbortController().signal,
    onText: () => undefined,
    onRestart: () => false,
    ...over,
  });
}

const good: ModelOutcome = { ok: true, parts: [{ type: 'text', text: 'x' }], finish: 'stop', usage: { inputTokens: 1, outputTokens: 1 } };

test('a provider that throws, at once or later, is an outcome', async () => {
  const threw = () => {
    throw new Error('at once');
  };
  for (const generate of [threw, () => Promise.reject(new Error('later'))]) {
    withProvider(generate);
    expect(await ask()).toMatchObject({ ok: false, failure: { kind: 'cut', code: 'provider_threw' } });
    await models.close();
  }
});

test('a provider that never answers is left behind at the deadline', async () => {
  withProvider(() => new Promise(() => undefined));
  const startedAt = clock.monotonic();
  expect(await ask({ deadlineAt: startedAt + 300 })).toMatchObject({ ok: false, failure: { kind: 'deadline' } });
  expect(clock.monotonic() - startedAt).toBeLessThan(300 + 250);
});

test('text after the outcome is not heard', async () => {
  let speak: (text: string) => void = () => undefined;
  withProvider(async (_request, _limits, onText) => {
    onText('a');
    speak = onText;
    return good;
  });
  const heard: string[] = [];
  await ask({ onText: (text) => void heard.push(text) });
  speak('late');
  expect(heard).toEqual(['a']);
});

test('a listener that throws ends the ask and says nothing against the model', async () => {
  withProvider(async (_request, _limits, onText) => {
    for (let i = 0; i < 3; i += 1) onText('a');
    return good;
  });
  const onText = () => {
    throw new Error('listener');
  };
  for (let i = 0; i < 10; i += 1) expect(await ask({ onText })).toMatchObject({ ok: false, failure: { code: 'listener_threw' } });
  expect(models.states()[0]?.state).toBe('ok');
});
