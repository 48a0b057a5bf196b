// What clients rely on, over a real socket against the built server and a model of flesh and bytes.
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page, SessionView } from '../src/contract/session.ts';
import type { TurnAnswer } from '../src/contract/turn.ts';
import { type FakeGemini, startFakeGemini } from './support/fake-gemini/fake-gemini.ts';
import { call, type ServerProcess, startServer } from './support/server-process.ts';
import { assembled, parseSse } from './support/sse-text.ts';
import { until } from './support/until.ts';

let fake: FakeGemini;
let server: ServerProcess;

beforeAll(async () => {
  fake = await startFakeGemini();
  server = await startServer({
    env: { GEMINI_API_KEY: 'e2e-key', GOOGLE_GEMINI_BASE_URL: fake.url, HOLDFAST_MODELS: 'gemini/fake', HOLDFAST_DEADLINE_MS: '5000' },
  });
});

afterAll(async () => {
  expect((await server.stop()).code).toBe(0);
  server.remove();
  await fake.stop();
});

const chat = (body: object, headers?: Record<string, string>) => server.call<TurnAnswer>('POST', '/v1/chat', body, headers);
/** Waits until a turn is under way, in the session or anywhere. */
const underWay = (at: ServerProcess, sessionId?: string) => {
  const where = sessionId ? `&sessionId=${sessionId}` : '';
  return until(
    async () => {
      const { body } = await at.call<Page<TurnAnswer>>('GET', `/v1/turns?status=running${where}`);
      return body.data.length > 0;
    },
    { what: () => 'a turn to be under way' },
  );
};
const turnOf = async (id: string) => (await server.call<TurnAnswer>('GET', `/v1/turns/${id}`)).body;

describe('a turn as JSON', () => {
  test('is answered, stored and part of its session', async () => {
    const first = await chat({ message: 'My name is Ada.', user: 'u-1', metadata: { from: 'e2e' } });
    expect(first.status).toBe(200);
    expect(first.headers.get('x-request-id')).toMatch(/^req_/);
    expect(first.body).toMatchObject({ status: 'completed', degraded: false, model: 'gemini/fake' });
    expect(first.body.reply).toBe('You said: My name is Ada. (message 1 of this conversation)');
    const second = await chat({ message: 'And now?', sessionId: first.body.sessionId });
    expect(second.body.reply).toContain('message 3 of this conversation');
    expect(await turnOf(second.body.turnId)).toEqual(second.body);
    const session = await server.call<SessionView>('GET', `/v1/sessions/${first.body.sessionId}`);
    expect(session.body).toMatchObject({ messageCount: 4, turnCount: 2, user: 'u-1' });
    expect((await server.call<Page<unknown>>('GET', `/v1/sessions/${first.body.sessionId}/messages`)).body.data).toHaveLength(4);
  });

  test('uses tools, and the model hears what they said', async () => {
    const { body } = await chat({ message: '!call calculate {"expression":"6*7"}' });
    expect(body.status).toBe('completed');
    expect(body.reply).toMatch(/calculate .*42/);
  });

  test('deadlineMs is kept, with the honest fallback', async () => {
    fake.push({ fault: 'silent' });
    const began = performance.now();
    const { status, body, headers } = await chat({ message: 'Quick!', deadlineMs: 600 });
    expect(performance.now() - began).toBeLessThan(600 + 250 + 100);
    expect(status).toBe(200);
    expect(headers.get('x-holdfast-degraded')).toBe('true');
    expect(body).toMatchObject({ status: 'degraded', degraded: true, model: null });
  });

  test('onUnavailable: error is a problem with the turn in it', async () => {
    fake.push({ fault: '404' });
    const { status, body } = await server.call('POST', '/v1/chat', { message: 'x', onUnavailable: 'error' });
    expect(status).toBe(503);
    expect(body).toMatchObject({ code: 'model_unavailable', turnId: expect.stringMatching(/^trn_/) });
  });

  test('respond-async answers 202 with the place to look', async () => {
    fake.push({ text: 'later', latencyMs: 100 });
    const { status, headers, body } = await chat({ message: 'No hurry' }, { prefer: 'respond-async' });
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`/v1/turns/${body.turnId}`);
    const done = await until(async () => (await turnOf(body.turnId)).status === 'completed' && turnOf(body.turnId));
    expect(done.reply).toBe('later');
  });
});

describe('a turn as a stream', () => {
  test('tells its story: start, tools, pieces without a gap, and the same end as the JSON', async () => {
    fake.push({ calls: [{ name: 'current_time', args: {} }] }, { text: 'It is late, and time to go home now.', chunks: 6 });
    const { headers, text } = await chat({ message: 'What time is it?', stream: true });
    expect(headers.get('content-type')).toMatch(/text\/event-stream/);
    expect(headers.get('x-accel-buffering')).toBe('no');
    const events = parseSse(text);
    expect(events[0]?.event).toBe('turn.start');
    expect(events.map(({ event }) => event)).toEqual(expect.arrayContaining(['tool.start', 'tool.end', 'text.delta']));
    expect(assembled(events)).toBe('It is late, and time to go home now.');
    const end = events.at(-1);
    expect(end?.event).toBe('turn.end');
    expect(await turnOf(String(end?.data.turnId))).toEqual(end?.data);
  });

  test('is resumed from any place with no gap and no piece twice', async () => {
    fake.push({ text: 'one two three four five six seven eight nine ten', chunks: 10, chunkMs: 5 });
    const whole = parseSse((await chat({ message: 'Count', stream: true })).text);
    const turnId = String(whole.at(-1)?.data.turnId);
    for (const { id } of whole.slice(0, -1)) {
      const rest = parseSse((await server.call('GET', `/v1/turns/${turnId}/events`, undefined, { 'last-event-id': id })).text);
      const seen = whole.slice(0, whole.findIndex((event) => event.id === id) + 1);
      expect(assembled([...seen, ...rest])).toBe('one two three four five six seven eight nine ten');
      expect(rest.at(-1)?.event).toBe('turn.end');
    }
  });

  test('closing it does not cancel the turn', async () => {
    fake.push({ text: 'still here', chunks: 2, chunkMs: 100 });
    const controller = new AbortController();
    const response = await fetch(`${server.url}/v1/chat`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ message: 'Bye', stream: true }),
      signal: controller.signal,
    });
    const reader = response.body?.getReader();
    const first = new TextDecoder().decode((await reader?.read())?.value);
    controller.abort();
    const turnId = /trn_[0-9a-z]{26}/.exec(first)?.[0] ?? '';
    await until(async () => (await turnOf(turnId)).status === 'completed', { what: () => `turn ${turnId} to end` });
    expect((await turnOf(turnId)).reply).toBe('still here');
  });
});

describe('an Idempotency-Key', () => {
  test('from 50 sockets is one turn and one answer', async () => {
    const before = fake.calls();
    const all = await Promise.all(Array.from({ length: 50 }, () => chat({ message: 'Only once' }, { 'idempotency-key': 'fifty' })));
    expect(new Set(all.map(({ body }) => body.turnId)).size).toBe(1);
    expect([...new Set(all.map(({ text }) => text))]).toEqual([all[0]?.text]);
    expect(fake.calls() - before).toBe(1);
    const streamed = parseSse((await chat({ message: 'Only once', stream: true }, { 'idempotency-key': 'fifty' })).text);
    expect(streamed.at(-1)?.data).toEqual(all[0]?.body);
    const other = await server.call('POST', '/v1/chat', { message: 'Something else' }, { 'idempotency-key': 'fifty' });
    expect(other.status).toBe(422);
    expect(other.body.code).toBe('idempotency_mismatch');
  });

  test('replays a degraded turn as degraded; a real answer needs retry', async () => {
    fake.push({ fault: '404' });
    const key = { 'idempotency-key': 'degraded-once' };
    const first = await chat({ message: 'Try' }, key);
    expect(first.body.status).toBe('degraded');
    expect((await chat({ message: 'Try' }, key)).text).toBe(first.text);
    const again = await server.call<TurnAnswer>('POST', `/v1/turns/${first.body.turnId}/retry`, {});
    expect(again.body).toMatchObject({ status: 'completed', retryOf: first.body.turnId, sessionId: first.body.sessionId });
    expect((await server.call<SessionView>('GET', `/v1/sessions/${first.body.sessionId}`)).body.turnCount).toBe(2);
    const { body } = await server.call<Page<{ role: string }>>('GET', `/v1/sessions/${first.body.sessionId}/messages`);
    expect(body.data.filter(({ role }) => role === 'user')).toHaveLength(1);
  });
});

describe('a busy session', () => {
  test('queues, rejects or interrupts, as asked', async () => {
    const { sessionId } = (await chat({ message: 'hello' })).body;
    fake.push({ text: 'slow', latencyMs: 300 });
    const slow = chat({ message: 'first', sessionId });
    await underWay(server, sessionId);
    expect((await server.call('POST', '/v1/chat', { message: 'no', sessionId, whileBusy: 'reject' })).status).toBe(409);
    const queued = chat({ message: 'second', sessionId });
    expect((await slow).body.reply).toBe('slow');
    expect((await queued).body.reply).toContain('second');
    fake.push({ text: 'never heard', latencyMs: 3_000 });
    const superseded = chat({ message: 'third', sessionId });
    await underWay(server, sessionId);
    const interrupting = await chat({ message: 'fourth', sessionId, whileBusy: 'interrupt' });
    expect(interrupting.body.reply).toContain('fourth');
    expect((await superseded).body).toMatchObject({ status: 'cancelled', reason: 'superseded' });
  });

  test('a running turn can be cancelled, once', async () => {
    fake.push({ text: 'never', latencyMs: 3_000 });
    const { turnId } = (await chat({ message: 'stop me' }, { prefer: 'respond-async' })).body;
    const cancelled = await server.call<TurnAnswer>('POST', `/v1/turns/${turnId}/cancel`);
    expect(cancelled.body).toMatchObject({ status: 'cancelled', reason: 'caller' });
    expect((await server.call<TurnAnswer>('POST', `/v1/turns/${turnId}/cancel`)).body.status).toBe('cancelled');
  });
});

/** `fetch` forbids some headers; a stranger does not. */
function raw(path: string, headers: Record<string, string>, method = 'GET', body?: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const out = request({ host: '127.0.0.1', port: server.port, path, method, headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    out.on('error', reject);
    out.end(body);
  });
}

describe('the door', () => {
  test('probes are open, everything else asks for a key', async () => {
    for (const path of ['/livez', '/readyz', '/startupz', '/health'])
      expect((await call(`${server.url}${path}`, 'GET')).status, path).toBe(200);
    for (const path of ['/v1/status', '/v1/sessions', '/v1/turns']) {
      const refused = await call<{ code: string }>(`${server.url}${path}`, 'GET');
      expect(refused.status, path).toBe(401);
      expect(refused.headers.get('content-type')).toMatch(/application\/problem\+json/);
      expect(refused.body.code).toBe('unauthenticated');
    }
    expect((await server.call('GET', '/v1/status', undefined, { authorization: 'Bearer hf_wrong' })).status).toBe(401);
  });

  test.each([
    ['GET', '/nothing/here', undefined, 404, 'not_found'],
    ['GET', '/v1/sessions/ses_00000000000000000000000000', undefined, 404, 'not_found'],
    ['DELETE', '/v1/chat', undefined, 405, 'method_not_allowed'],
    ['POST', '/v1/chat', '{"message": "half', 400, 'invalid_request'],
    ['POST', '/v1/chat', { message: '' }, 400, 'invalid_request'],
    ['POST', '/v1/chat', { message: 'x', unknown: 1 }, 400, 'invalid_request'],
    ['POST', '/v1/chat', { message: 'x'.repeat(1_100_000) }, 413, 'payload_too_large'],
  ])('%s %s is a problem document', async (method, path, body, status, code) => {
    const refused = await server.call(method, path, body);
    expect([400, 422].includes(refused.status) ? 400 : refused.status).toBe(status);
    expect(refused.headers.get('content-type')).toMatch(/application\/problem\+json/);
    expect(refused.body).toMatchObject({ code, status: refused.status, requestId: refused.headers.get('x-request-id') });
  });

  test('a foreign Host or Origin is refused', async () => {
    const authorization = `Bearer ${server.token}`;
    expect((await raw('/v1/status', { authorization, host: 'evil.example' })).status).toBeGreaterThanOrEqual(400);
    const posted = await raw(
      '/v1/chat',
      { authorization, origin: 'https://evil.example', 'content-type': 'application/json' },
      'POST',
      '{"message":"x"}',
    );
    expect(posted.status).toBe(403);
  });

  test('status counts what happened', async () => {
    const before = (await server.call<{ requests: { completed: number } }>('GET', '/v1/status')).body.requests.completed;
    await chat({ message: 'count me' });
    expect((await server.call<{ requests: { completed: number } }>('GET', '/v1/status')).body.requests.completed).toBe(before + 1);
  });
});

test('a session that is erased is gone, with its turns', async () => {
  const { sessionId, turnId } = (await chat({ message: 'forget me' })).body;
  const erased = await server.call('DELETE', `/v1/sessions/${sessionId}`);
  expect(erased.body).toMatchObject({ id: sessionId, erasure: 'complete' });
  expect((await server.call('GET', `/v1/sessions/${sessionId}`)).status).toBe(404);
  expect((await server.call('GET', `/v1/turns/${turnId}`)).status).toBe(404);
});

test('a drain finishes what is under way and the process ends with 0', async () => {
  const own = await startServer({ env: { GEMINI_API_KEY: 'e2e-key', GOOGLE_GEMINI_BASE_URL: fake.url, HOLDFAST_MODELS: 'gemini/fake' } });
  fake.push({ text: 'before the end', latencyMs: 300 });
  const under = own.call<TurnAnswer>('POST', '/v1/chat', { message: 'last words' });
  await underWay(own);
  const ended = own.stop();
  expect((await under).body.reply).toBe('before the end');
  expect((await ended).code).toBe(0);
  own.remove();
});
