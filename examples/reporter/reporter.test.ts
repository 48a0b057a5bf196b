// The reporter as cron starts it: a process, against a real agent and a real webhook.
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../test/support/cli.ts';
import { type FakeGemini, startFakeGemini } from '../../test/support/fake-gemini/fake-gemini.ts';
import { type ServerProcess, startServer } from '../../test/support/server-process.ts';
import { until } from '../../test/support/until.ts';
import { dayOf, untilNext } from './reporter.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
let fake: FakeGemini;
let agent: ServerProcess;
let webhook: Server;
/** What the webhook was sent; how it answers: a status, or nothing at all. */
let heard: { key: string | undefined; text: string }[];
let answer: number | 'hang up';

beforeEach(async () => {
  fake = await startFakeGemini();
  fake.setBehaviour({ text: 'All lamps are lit.' });
  agent = await startServer({
    env: {
      GEMINI_API_KEY: 'key-of-no-account',
      GOOGLE_GEMINI_BASE_URL: fake.url,
      HOLDFAST_MODELS: 'gemini/fake',
      HOLDFAST_DEADLINE_MS: '3000',
    },
  });
  heard = [];
  answer = 200;
  webhook = createServer(async (request, response) => {
    const body = Buffer.concat((await request.toArray()) as Buffer[]).toString();
    heard.push({ key: request.headers['idempotency-key'] as string | undefined, text: JSON.parse(body).text });
    if (answer === 'hang up') request.socket.destroy();
    else response.writeHead(answer).end();
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  webhook.close();
  await agent.stop();
  agent.remove();
  await fake.stop();
});

const run = (more: Record<string, string> = {}) =>
  runProgram([process.execPath, main], {
    cwd: agent.folder,
    env: {
      HOLDFAST_URL: agent.url,
      HOLDFAST_API_KEY: agent.token,
      REPORT_WEBHOOK_URL: `http://127.0.0.1:${(webhook.address() as AddressInfo).port}`,
      REPORT_QUESTION: 'How are the lamps?',
      ...more,
    },
  });
const turnCount = async () => (await agent.call<{ data: unknown[] }>('GET', '/v1/turns')).body.data.length;
const today = dayOf(new Date());

describe('the reporter', () => {
  test('reports once a day, however often it is started', async () => {
    expect(await run()).toMatchObject({ code: 0, stdout: 'posted\n' });
    expect(await run()).toMatchObject({ code: 0, stdout: 'already\n' });
    expect(heard).toEqual([{ key: `daily-report:${today}`, text: `Report for ${today}\n\nAll lamps are lit.` }]);
    expect(await turnCount()).toBe(1);
    expect(fake.requests[0]?.bodyText).toContain('How are the lamps?');
  });

  test('posts the same answer after a webhook that refused it, without asking again', async () => {
    answer = 500;
    expect(await run()).toMatchObject({ code: 1, stdout: 'refused\n' });
    answer = 204;
    fake.setBehaviour({ text: 'Something else.' });
    expect(await run()).toMatchObject({ code: 0, stdout: 'posted\n' });
    expect(heard.map(({ text }) => text)).toEqual([heard[0]?.text, heard[0]?.text]);
    expect(await turnCount()).toBe(1);
  });

  test('does not post again when nobody can know whether the first time arrived', async () => {
    answer = 'hang up';
    expect(await run()).toMatchObject({ code: 1, stdout: expect.stringContaining('unknown') });
    answer = 200;
    expect(await run()).toMatchObject({ code: 1, stdout: expect.stringContaining('look whether') });
    expect(heard).toHaveLength(1);
    expect(readFileSync(join(agent.folder, 'reports', today), 'utf8')).toBe('posting');
  });

  test('posts no fallback: without a model it exits 6, and a later run reports', async () => {
    fake.setBehaviour({ fault: '503' });
    expect(await run()).toMatchObject({ code: 6, stdout: 'degraded\n' });
    expect(heard).toEqual([]);
    fake.setBehaviour({ text: 'All is well again.' });
    // The agent asks a model that failed again when a probe of its own went through.
    await until(async () => (await run()).code === 0, { ms: 15_000 });
    expect(heard.map(({ text }) => text)).toEqual([expect.stringContaining('All is well again.')]);
  });

  test('posts once when two are started at the same moment', async () => {
    const outcomes = await Promise.all([run(), run(), run()]);
    expect(outcomes.map(({ stdout }) => stdout).filter((said) => said === 'posted\n')).toHaveLength(1);
    expect([heard.length, await turnCount()]).toEqual([1, 1]);
  });

  test('says what is missing, and that the agent is not there', async () => {
    expect((await run({ REPORT_WEBHOOK_URL: '' })).code).toBe(78);
    expect(await run({ HOLDFAST_API_KEY: 'hf_wrong' })).toMatchObject({ code: 1, stderr: expect.stringContaining('no report') });
  });
});

test('the next time of day is found over midnight', () => {
  expect(untilNext('07:30', new Date(2026, 10, 22, 7, 0))).toBe(30 * 60_000);
  expect(untilNext('07:30', new Date(2026, 10, 22, 7, 30))).toBe(24 * 3_600_000);
  expect(untilNext('00:05', new Date(2026, 11, 31, 23, 55))).toBe(10 * 60_000);
});
