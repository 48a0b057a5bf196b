// How the server behaves where a supervisor runs it: AGENT_ENV=production, secrets in files, every address, SIGTERM.
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Page } from '../src/contract/session.ts';
import type { TurnAnswer } from '../src/contract/turn.ts';
import { createCli } from './support/cli.ts';
import { type FakeGemini, startFakeGemini } from './support/fake-gemini/fake-gemini.ts';
import { homeIn, type ServerProcess, startServer, temporaryFolder } from './support/server-process.ts';
import { until } from './support/until.ts';

const ADMIN_KEY = randomBytes(32).toString('hex');
const MODEL_KEY = 'production-test-key';

const folder = temporaryFolder('production');
let fake: FakeGemini;
let server: ServerProcess;
let env: Record<string, string>;

function secretFile(name: string, value: string, inside = join(folder, 'secrets')): string {
  mkdirSync(inside, { recursive: true });
  const path = join(inside, name);
  writeFileSync(path, `${value}\n`, { mode: 0o600 });
  return path;
}

beforeAll(async () => {
  fake = await startFakeGemini();
  env = {
    AGENT_ENV: 'production',
    HOST: '0.0.0.0',
    HOLDFAST_MODELS: 'gemini/fake',
    GOOGLE_GEMINI_BASE_URL: fake.url,
    GEMINI_API_KEY_FILE: secretFile('gemini', MODEL_KEY),
    HOLDFAST_ADMIN_KEY_FILE: secretFile('admin', ADMIN_KEY),
    HOLDFAST_MASTER_KEY_FILE: secretFile('master', randomBytes(32).toString('base64')),
  };
  server = await startServer({ folder, env });
});

afterAll(async () => {
  await server.kill9();
  await fake.stop();
  rmSync(folder, { recursive: true });
});

test('a master key file inside the home is refused, and so is every address without an admin key', async () => {
  const other = temporaryFolder('production');
  const inside = secretFile('elsewhere', randomBytes(32).toString('base64'), join(homeIn(other), 'keys'));
  const { HOLDFAST_ADMIN_KEY_FILE: _, ...withoutAdmin } = env;
  for (const [settings, said] of [
    [{ ...env, HOLDFAST_MASTER_KEY_FILE: inside }, /inside HOLDFAST_HOME/],
    [withoutAdmin, /HOLDFAST_ADMIN_KEY/],
  ] as const) {
    const refused = await createCli(settings, other).run(['start', '--foreground']);
    expect(refused.code).toBe(78);
    expect(refused.stderr).toMatch(said);
    expect(refused.stderr).toMatch(/Fix: /);
  }
  rmSync(other, { recursive: true });
});

test('stdout is JSON lines and nothing else, without secrets and without what was said', async () => {
  const { body } = await server.call<TurnAnswer>('POST', '/v1/chat', { message: 'A word in private' });
  expect(body).toMatchObject({ status: 'completed', degraded: false });
  const said = () =>
    server
      .stdout()
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { event: string }).event);
  await until(() => said().includes('turn.end'), { what: () => `the turn in the log: ${server.stdout()}` });
  expect(said()).toEqual(expect.arrayContaining(['agent.starting', 'agent.ready']));
  for (const held of [ADMIN_KEY, MODEL_KEY, 'A word in private']) expect(server.stdout()).not.toContain(held);
});

test('status --ready says whether messages are taken: before, while the model is down, while draining and after', async () => {
  const cli = createCli(env, folder);
  const asked = async () => {
    const { code, stdout } = await cli.run(['status', '--ready']);
    return { code, said: stdout.trim() };
  };
  expect(await asked()).toEqual({ code: 0, said: 'ready' });

  fake.push({ fault: 'bad-key' });
  await server.call('POST', '/v1/chat', { message: 'Is anybody there?' });
  expect((await cli.run(['status', '--check'])).code).toBe(1);
  expect(await asked()).toEqual({ code: 0, said: 'ready' });

  const slow = await startServer({ folder: temporaryFolder('production'), env });
  const slowCli = createCli(env, slow.folder);
  fake.push({ text: 'Last words.', latencyMs: 2_500 });
  const last = slow.call<TurnAnswer>('POST', '/v1/chat', { message: 'Before you go' });
  await until(async () => (await slow.call<Page<unknown>>('GET', '/v1/turns?status=running')).body.data.length > 0, {
    what: () => 'a turn to be under way',
  });
  const ended = slow.stop();
  const draining = await until(
    async () => {
      const answer = await slowCli.run(['status', '--ready']);
      return answer.code === 0 ? undefined : answer;
    },
    { what: () => 'the drain to show' },
  );
  expect(draining).toMatchObject({ code: 1, stdout: 'not ready: draining\n' });
  expect(await ended).toEqual({ code: 0, signal: null });
  expect((await last).body).toMatchObject({ reply: 'Last words.', degraded: false });
  expect((await slowCli.run(['status', '--ready'])).code).toBe(3);
  expect((await slowCli.run(['status', '--ready', '--watch'])).code).toBe(2);
  slow.remove();
});
