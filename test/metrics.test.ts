// The same number everywhere: what a hundred turns leave behind is the same in Prometheus, status, series, live feed and audit trail, also after a restart.
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Column, Series } from '../src/contract/series.ts';
import type { Status } from '../src/contract/status.ts';
import { type FakeGemini, startFakeGemini } from './support/fake-gemini/fake-gemini.ts';
import { type ServerProcess, startServer } from './support/server-process.ts';
import { parseSse } from './support/sse-text.ts';
import { until } from './support/until.ts';

const TURNS = 100;
const AT_ONCE = 10;
const failing = (no: number) => no % 14 === 7; // 7 of 100

let fake: FakeGemini;
let server: ServerProcess;
beforeAll(async () => {
  fake = await startFakeGemini();
  // The refusal of a request says nothing about the model's health, so that the breaker stays shut, and is not retried.
  fake.setBehaviour((request) => (request.bodyText.includes('please fail') ? { fault: '400' } : { text: 'Fine.' }));
  server = await start();
});
afterAll(async () => {
  await server.kill9();
  server.remove();
  await fake.stop();
});

const start = (folder?: string) =>
  startServer({
    ...(folder && { folder }),
    env: { GEMINI_API_KEY: 'metrics-test-key', GOOGLE_GEMINI_BASE_URL: fake.url, HOLDFAST_MODELS: 'gemini/fake' },
  });

/** Reads the live feed in the background. */
function watch({ url, token }: ServerProcess) {
  const abort = new AbortController();
  const heard = { text: '' };
  const over = (async () => {
    const answer = await fetch(`${url}/v1/events`, { headers: { authorization: `Bearer ${token}` }, signal: abort.signal });
    for await (const piece of answer.body ?? []) heard.text += Buffer.from(piece).toString();
  })().catch((error: Error) => {
    if (error.name !== 'AbortError') throw error;
  });
  const events = () => parseSse(heard.text.slice(0, heard.text.lastIndexOf('\n\n') + 2));
  const end = async () => {
    abort.abort();
    await over;
  };
  return { events, end };
}

const sum = (column: Column | undefined): number => (column ?? []).reduce<number>((total, value) => total + (value ?? 0), 0);
const sumsOf = ({ accepted, outcomes, errors, tokens, modelCalls }: Series) => ({
  accepted: sum(accepted),
  completed: sum(outcomes.completed),
  degraded: sum(outcomes.degraded),
  reason: sum(errors.reasons.model_unavailable),
  input: sum(tokens.input) > 0,
  called: [sum(modelCalls['gemini/fake']?.ok), sum(modelCalls['gemini/fake']?.failed)],
});
const SUMS = { accepted: TURNS, completed: 93, degraded: 7, reason: 7, input: true, called: [93, 7] };

test('a hundred requests, seven of them degraded: everybody says 100 and 7', async () => {
  const live = watch(server);
  await until(() => live.events().length > 0, { what: () => 'the first snapshot' });
  const queue = Array.from({ length: TURNS }, (_, no) => no);
  const worker = async () => {
    for (let no = queue.shift(); no !== undefined; no = queue.shift()) {
      const message = failing(no) ? `please fail, ${no}` : `hello, ${no}`;
      const answer = await server.call('POST', '/v1/chat', { message });
      expect(answer.body.status).toBe(failing(no) ? 'degraded' : 'completed');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));

  const { text } = await server.call('GET', '/metrics');
  expect(text).toContain(`holdfast_turns_accepted_total ${TURNS}\n`);
  expect(text).toContain('holdfast_turns_ended_total{outcome="completed",reason=""} 93\n');
  expect(text).toContain('holdfast_turns_ended_total{outcome="degraded",reason="model_unavailable"} 7\n');
  expect(text).toContain('holdfast_model_calls_total{provider="gemini",model="fake",code="ok"} 93\n');
  expect(text).toContain('holdfast_turn_duration_seconds_count{outcome="completed"} 93\n');
  expect(text).toContain('holdfast_turns_open 0\n');

  const status = (await server.call<Status>('GET', '/v1/status')).body;
  expect(status.requests).toMatchObject({ accepted: TURNS, completed: 93, degraded: 7, failed: 0, cancelled: 0, open: 0 });

  for (const query of ['window=1h&step=10s', 'window=15m&step=1m', 'window=24h'])
    expect(sumsOf((await server.call<Series>('GET', `/v1/metrics?${query}`)).body), query).toEqual(SUMS);

  // Within two seconds of the last answer the tiles are right.
  const snapshot = () => live.events().findLast(({ event }) => event === 'snapshot')?.data.requests;
  await until(() => (snapshot() as Status['requests']).completed === 93, { ms: 2_000, what: () => JSON.stringify(snapshot()) });
  expect(snapshot()).toMatchObject({ accepted: TURNS, completed: 93, degraded: 7, open: 0 });
  const ended = live.events().filter(({ event }) => event === 'turn.ended');
  expect(ended).toHaveLength(TURNS);
  expect(ended.filter(({ data }) => data.status === 'degraded')).toHaveLength(7);
  expect(live.events().filter(({ event }) => event === 'turn.accepted')).toHaveLength(TURNS);
  expect(JSON.stringify(live.events())).not.toContain('please fail');
  await live.end();

  const rows = (await server.call<{ data: { outcome: string }[] }>('GET', '/v1/audit?action=turn.end&limit=200')).body.data;
  expect(rows).toHaveLength(TURNS);
  expect(rows.filter(({ outcome }) => outcome === 'degraded')).toHaveLength(7);
}, 60_000);

test('what is really scraped is clean Prometheus text', async ({ skip }) => {
  const { text } = await server.call('GET', '/metrics');
  expect(text.split('\n').every((line) => /^(# (HELP|TYPE) .*|[a-z_]+(\{.*\})? -?[\d.e+-]+|)$/.test(line))).toBe(true);
  const found = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  if ((found.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    console.warn('SKIPPED: promtool is not installed (Debian: apt install prometheus), so nobody has checked what is scraped');
    return skip();
  }
  expect(found.stdout + found.stderr).toBe('');
  expect(found.status).toBe(0);
});

test('the charts survive a restart, the counters of the process begin anew', async () => {
  await server.stop();
  server = await start(server.folder);
  for (const query of ['window=1h&step=10s', 'window=15m&step=1m', 'window=24h'])
    expect(sumsOf((await server.call<Series>('GET', `/v1/metrics?${query}`)).body), query).toEqual(SUMS);
  const { text } = await server.call('GET', '/metrics');
  expect(text).toContain('holdfast_turns_accepted_total 0\n');
  expect((await server.call<Status>('GET', '/v1/status')).body.requests).toMatchObject({ accepted: 0, latencyMs: null });
});
