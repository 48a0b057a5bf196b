import { afterAll, beforeAll, expect, test } from 'vitest';
import { behaviourOfModel } from './behaviour.ts';
import { type FakeGemini, startFakeGemini } from './fake-gemini.ts';

let fake: FakeGemini;
beforeAll(async () => {
  fake = await startFakeGemini({ capture: false });
});
afterAll(() => fake.stop());

const send = (text: string, model = 'any', verb = 'streamGenerateContent?alt=sse') =>
  fetch(`${fake.url}/v1beta/models/${model}:${verb}`, {
    method: 'POST',
    body: JSON.stringify({ contents: [{ role: 'user', parts: [{ text }] }] }),
  });
const control = (path: string, body: unknown) => fetch(`${fake.url}${path}`, { method: 'POST', body: JSON.stringify(body) });

test('echoes what arrived, asks for the tool it is told to, answers so many words', async () => {
  expect(await (await send('over here')).text()).toContain('You said: over here (message 1 of this conversation)');
  expect(await (await send('!call look {"at":1}')).text()).toContain('"functionCall":{"name":"look","args":{"at":1}}');
  expect((await (await send('!words 40')).text()).match(/durable/g)).toHaveLength(4);
});

test('answers whole when not asked to stream', async () => {
  const reply = (await (await send('x', 'any', 'generateContent')).json()) as { candidates: unknown[] };
  expect(reply.candidates).toHaveLength(1);
});

test('misbehaves by hand: for good, for the next requests, or by the name of a model', async () => {
  expect((await control('/__behave', { fault: '503' })).status).toBe(200);
  expect((await send('x')).status).toBe(503);
  expect((await control('/__behave', {})).status).toBe(200);
  await control('/__script', [{ fault: '429', retryAfterS: 7 }]);
  const limited = await send('x');
  expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '7']);
  expect((await send('x', 'fault-404')).status).toBe(404);
  expect((await send('x')).status).toBe(200);
  expect((await control('/__behave', { fault: 'nonsense' })).status).toBe(400);
});

test('reads behaviour out of a model name', () => {
  expect(behaviourOfModel('latency-20_words-5_chunks-3')).toEqual({ latencyMs: 20, words: 5, chunks: 3 });
  expect(behaviourOfModel('fault-silent-mid')).toEqual({ fault: 'silent-mid' });
  expect(behaviourOfModel('gemini-flash-latest')).toBeUndefined();
});

test('a door that was shut opens again on the same port', async () => {
  await fake.down();
  await expect(send('x')).rejects.toThrow();
  await fake.up();
  expect((await send('x')).status).toBe(200);
});
