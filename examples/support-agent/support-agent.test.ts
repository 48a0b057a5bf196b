// The example as a user runs it: the real command line, in the example's own folder, with a fake Gemini for a model.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Cli, createCli } from '../../test/support/cli.ts';
import type { Behaviour, CapturedRequest, GeminiPart } from '../../test/support/fake-gemini/behaviour.ts';
import { type FakeGemini, startFakeGemini } from '../../test/support/fake-gemini/fake-gemini.ts';
import { readRunState } from '../../test/support/server-process.ts';
import { until } from '../../test/support/until.ts';
import { masked } from './mask-personal-data.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
let fake: FakeGemini;
let cli: Cli;

const lastParts = (request: CapturedRequest): GeminiPart[] => request.body().contents?.at(-1)?.parts ?? [];

/** Does what it is told in the message (`look_up_order {…}`), then says what the tool answered. */
function obedient(request: CapturedRequest): Behaviour {
  const results = lastParts(request).flatMap(({ functionResponse }) =>
    functionResponse ? [JSON.stringify(functionResponse.response)] : [],
  );
  if (results.length > 0) return { text: `Done: ${results.join(' ')}` };
  const text = lastParts(request)
    .map((part) => part.text ?? '')
    .join(' ');
  const [, name, args] = /(\w+_order) (\{.*?\})/.exec(text) ?? [];
  return name && args ? { calls: [{ name, args: JSON.parse(args) }] } : { text: `You said: ${text}. Write to help@lamps.example.` };
}

beforeEach(async () => {
  fake = await startFakeGemini();
  fake.setBehaviour(obedient);
  cli = createCli({ GEMINI_API_KEY: 'key-of-no-account', GOOGLE_GEMINI_BASE_URL: fake.url, HOLDFAST_MODELS: 'gemini/fake' });
});
afterEach(async () => {
  await cli.close();
  await fake.stop();
});

const holdfast = (...args: string[]) => cli.expect(0, args, { cwd: folder, env: { REFUND_LEDGER: ledger() } });
const ledger = () => join(cli.folder, 'refunds.jsonl');
const refunds = () => (existsSync(ledger()) ? readFileSync(ledger(), 'utf8').trim().split('\n') : []);
const ask = async (message: string): Promise<string> => (await holdfast('chat', message)).stdout;

test('the agent looks orders up, refunds once, and refuses in words the model is told', async () => {
  expect((await holdfast('config', 'validate')).stdout).toContain('look_up_order, refund_order');
  await holdfast('start');
  expect((await holdfast('status')).stdout).toMatch(/support {2}agt_[\s\S]*look_up_order, refund_order\nMiddleware: mask-personal-data/);
  expect(await ask('look_up_order {"orderId":"1042"}')).toContain('"arrives":"2026-11-25"');
  expect(await ask('look_up_order {"orderId":"9"}')).toContain('There is no order 9');
  expect(await ask('refund_order {"orderId":"1042","cents":4900,"reason":"broken"}')).toContain('R-0001');
  expect(await ask('refund_order {"orderId":"1042","cents":4900,"reason":"again"}')).toContain('At most 0 cents');
  expect(refunds()).toHaveLength(1);
  expect(fake.requests[0]?.body().systemInstruction?.parts?.[0]?.text).toContain('shop for lamps');
});

test('what is private reaches neither the model nor the data, in either direction', async () => {
  await holdfast('start');
  const answer = await ask('My card is 4242 4242 4242 4242, write to ada@example.org');
  expect(answer).toContain('[card ending 4242], write to [e-mail address]');
  expect(answer).not.toContain('help@lamps.example');
  const kept = (await holdfast('sessions', 'export')).stdout;
  for (const text of [kept, fake.requests.map(({ bodyText }) => bodyText).join()]) {
    expect(text).toContain('[card ending 4242]');
    expect(text).not.toMatch(/4242 4242|ada@example/);
  }
});

test('a refund is made once although the server is killed before the model heard of it', async () => {
  await holdfast('start');
  let isDeaf = true;
  fake.setBehaviour((request) =>
    isDeaf && lastParts(request).some(({ functionResponse }) => functionResponse) ? { fault: 'silent' } : obedient(request),
  );
  const asking = cli.run(['chat', 'refund_order {"orderId":"1043","cents":900,"reason":"scratch"}'], { cwd: folder });
  // The refund is made, and the model has been asked what to say about it.
  await until(() => fake.requests.length === 2);
  process.kill(readRunState(cli.home)?.pid ?? 0, 'SIGKILL');
  isDeaf = false;
  await holdfast('start');
  expect(await asking).toMatchObject({ code: 0, stdout: expect.stringContaining('R-0001') });
  expect(refunds()).toHaveLength(1);
});

test.each([
  ['4242424242424242', '[card ending 4242]'],
  ['4242-4242-4242-4242!', '[card ending 4242]!'],
  ['order 1234567890123456', 'order 1234567890123456'],
  ['call 555-0199', 'call 555-0199'],
  ['<a.b+c@mail.example.co.uk>', '<[e-mail address]>'],
  ['@home at 5', '@home at 5'],
])('%s becomes %s', (text, wanted) => {
  expect(masked(text)).toBe(wanted);
});

test('no text makes the masks slow', () => {
  const began = performance.now();
  for (const text of ['4 '.repeat(60_000), 'a.'.repeat(60_000), `${'a'.repeat(60_000)}@`, `a@${'b.'.repeat(60_000)}`]) masked(text);
  expect(performance.now() - began).toBeLessThan(1_000);
});
