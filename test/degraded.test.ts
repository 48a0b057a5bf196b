// P6 and P8 through the real command line: whatever the model does, `chat` prints the fallback, says so, and ends well.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cli, createCli, hasEscapes } from './support/cli.ts';
import type { Fault } from './support/fake-gemini/behaviour.ts';
import { type FakeGemini, startFakeGemini } from './support/fake-gemini/fake-gemini.ts';
import { PROVIDER_CANARY } from './support/fake-gemini/replies.ts';
import { until } from './support/until.ts';

const API_KEY = 'degraded-test-key-4b1d';
const DEADLINE_MS = 4_000;
const GRACE_MS = 250;

let fake: FakeGemini;
let cli: Cli;

beforeAll(async () => {
  fake = await startFakeGemini();
  cli = createCli({
    GEMINI_API_KEY: API_KEY,
    GOOGLE_GEMINI_BASE_URL: fake.url,
    HOLDFAST_MODELS: 'gemini/fake',
    HOLDFAST_DEADLINE_MS: String(DEADLINE_MS),
    HOLDFAST_STREAM_DEADLINE_MS: String(DEADLINE_MS),
    HOLDFAST_FIRST_BYTE_MS: '700',
    HOLDFAST_IDLE_MS: '700',
  });
});

afterAll(async () => {
  await cli.close();
  await fake.stop();
});

/** Each fault meets a breaker that knows nothing yet. */
async function freshStart(): Promise<void> {
  await cli.expect(0, ['stop']);
  fake.setBehaviour({ text: 'All is well.' });
  await cli.expect(0, ['start']);
}

const SILENT_FAULTS: Fault[] = ['400', '401', '403', '404', '408', '413', '429', '500', '502', '503', '504', 'bad-key'];
const WIRE_FAULTS: Fault[] = ['silent', 'silent-headers', 'reset', 'reset-headers', 'truncated-event', 'html', 'bad-json', 'bad-utf8'];
const EMPTY_FAULTS: Fault[] = [
  'huge-error',
  'empty',
  'no-content',
  'blank',
  'safety',
  'prompt-blocked',
  'not-http',
  'redirect',
  'error-event',
  'call-deep',
];

describe.each([...SILENT_FAULTS, ...WIRE_FAULTS, ...EMPTY_FAULTS])('a model that answers with %s', (fault) => {
  test('chat prints the fallback, marks it, ends with 0', async () => {
    await freshStart();
    fake.setBehaviour({ fault });
    const result = await cli.expect(0, ['chat', 'Is anybody there?']);
    expect(result.stdout.trim()).not.toBe('');
    expect(result.stderr).toMatch(/Degraded: /);
    expect(result.ms).toBeLessThan(DEADLINE_MS + GRACE_MS + 1_500); // and the start of two processes
    for (const text of [result.stdout, result.stderr]) {
      expect(text).not.toContain(PROVIDER_CANARY);
      expect(text).not.toContain(API_KEY);
      expect(hasEscapes(text)).toBe(false);
    }
  });
});

describe.each(['silent-mid', 'reset-mid', 'truncated', 'cut-mid', 'safety-mid', 'error-event-mid'] as Fault[])(
  'a model that breaks off with %s',
  (fault) => {
    test('never a silent half: what is printed is marked as incomplete', async () => {
      await freshStart();
      fake.setBehaviour({ fault });
      const result = await cli.expect(0, ['chat', '--json', 'Tell me a long story.']);
      const answer = JSON.parse(result.stdout) as {
        degraded: boolean;
        status: string;
        incomplete?: boolean;
        notice?: string;
        reply: string;
      };
      expect(answer).toMatchObject({ status: 'degraded', degraded: true });
      if (answer.incomplete) expect(answer.notice).toBeTruthy();
      expect(result.stdout).not.toContain(PROVIDER_CANARY);
    });
  },
);

test('a door that is shut is the same, and --fail-on-degraded ends with 6', async () => {
  await freshStart();
  await fake.down();
  const shut = await cli.expect(0, ['chat', 'Hello?']);
  expect(shut.stderr).toMatch(/Degraded: /);
  await cli.expect(6, ['chat', '--fail-on-degraded', 'Hello?']);
  await fake.up();
});

test('once the breaker knows, the fallback comes within a second, and a well model is found again', async () => {
  await freshStart();
  fake.setBehaviour({ fault: '503' });
  for (let n = 0; n < 6; n += 1) await cli.expect(0, ['chat', `try ${n}`]);
  const before = fake.calls();
  const learned = await cli.expect(0, ['chat', '--json', 'and now?']);
  expect(JSON.parse(learned.stdout)).toMatchObject({ degraded: true, reason: 'model_unavailable' });
  expect(learned.ms).toBeLessThan(2_000);
  expect(fake.calls() - before).toBeLessThanOrEqual(1); // a probe of its own at most, never the user's request
  fake.setBehaviour({ text: 'Well again.' });
  const chatReply = async () => (JSON.parse((await cli.expect(0, ['chat', '--json', 'back?'])).stdout) as { reply: string }).reply;
  await until(async () => (await chatReply()) === 'Well again.', { ms: 10_000, everyMs: 200, what: () => 'the probe to find the model' });
  expect(fake.calls() - before).toBeLessThanOrEqual(6);
}, 40_000);

test('a fallback is kept apart: shown in the session, never sent to the model', async () => {
  await freshStart();
  fake.setBehaviour({ fault: 'empty' });
  const degraded = JSON.parse((await cli.expect(0, ['chat', '--json', '--new', 'first'])).stdout) as { reply: string };
  fake.setBehaviour({ text: 'A real answer.' });
  const real = await cli.expect(0, ['chat', 'second']);
  expect(real.stdout.trim()).toBe('A real answer.');
  const heard = fake.requests.at(-1)?.bodyText ?? '';
  expect(heard).toContain('first');
  expect(heard).toContain('second');
  expect(heard).not.toContain(degraded.reply.slice(0, 40));
});
