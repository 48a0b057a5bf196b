import { describe, expect, test } from 'vitest';
import { asAdmin, createWorld } from '../../test/support/http-world.ts';
import type { Script } from '../../test/support/memory-agent.ts';
import { AppError, ERRORS, type ErrorCode } from '../base/errors.ts';
import { problemSchema } from '../contract/problem.ts';

const worldOf = (script: Script) => createWorld({ script: () => script });
const send = (world: ReturnType<typeof createWorld>, body: object = {}, headers: Record<string, string> = {}) =>
  world.call('POST /v1/chat', { headers: { ...asAdmin, ...headers }, body: { message: 'hello', ...body } });

describe('a turn’s state as an HTTP answer', () => {
  test('completed is 200 with the reply', async () => {
    const answer = await send(worldOf({ deltas: ['Good ', 'day.'] }));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-holdfast-degraded')).toBeNull();
    expect(await answer.json()).toMatchObject({ status: 'completed', degraded: false, reply: 'Good day.' });
  });

  test('degraded is 200, marked in body and header, wherever the turn is shown', async () => {
    const world = worldOf({ deltas: [], status: 'degraded', reason: 'model_unavailable' });
    const answer = await send(world);
    const turn = await answer.json();
    expect([answer.status, answer.headers.get('x-holdfast-degraded'), turn.degraded]).toEqual([200, 'true', true]);
    const shown = await world.call(`GET /v1/turns/${turn.turnId}`, { headers: asAdmin });
    expect([shown.status, shown.headers.get('x-holdfast-degraded')]).toEqual([200, 'true']);
  });

  test('with onUnavailable "error" an unavailable model is a 503 problem, but no other reason is', async () => {
    const down = await send(worldOf({ deltas: [], status: 'degraded', reason: 'model_unavailable' }), { onUnavailable: 'error' });
    expect(down.status).toBe(503);
    expect(await down.json()).toMatchObject({ code: 'model_unavailable', turnId: expect.stringMatching(/^trn_/) });
    const late = await send(worldOf({ deltas: [], status: 'degraded', reason: 'deadline' }), { onUnavailable: 'error' });
    expect(late.status).toBe(200);
  });

  test('cancelled is 200', async () => {
    const answer = await send(worldOf({ deltas: ['Half'], status: 'cancelled', reason: 'superseded' }));
    expect([answer.status, (await answer.json()).status]).toEqual([200, 'cancelled']);
  });

  test.each(['recovery_exhausted', 'expired', 'internal'] as const)('failed (%s) is a 500 problem with the turn’s id', async (reason) => {
    const answer = await send(worldOf({ deltas: [], status: 'failed', reason }));
    expect(answer.status).toBe(500);
    expect(problemSchema.parse(await answer.json())).toMatchObject({ code: 'internal', turnId: expect.stringMatching(/^trn_/) });
  });

  test('left open by a drain is 503 draining with Location', async () => {
    const answer = await send(worldOf({ left: true }));
    const problem = await answer.json();
    expect([answer.status, problem.code]).toEqual([503, 'draining']);
    expect(answer.headers.get('location')).toBe(`/v1/turns/${problem.turnId}`);
    expect(answer.headers.get('retry-after')).not.toBeNull();
  });

  test('an outcome that could not be stored is its problem, with the turn’s id', async () => {
    const answer = await send(worldOf({ commitError: new AppError('storage_unavailable') }));
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'storage_unavailable', turnId: expect.stringMatching(/^trn_/) });
  });

  test('respond-async is 202 with Location while the turn is open, and the answer once it has ended', async () => {
    const { promise: hold, resolve } = Promise.withResolvers<void>();
    const world = worldOf({ deltas: ['Later.'], hold });
    const answer = await send(world, {}, { prefer: 'wait=5, respond-async', 'idempotency-key': 'k1' });
    const turn = await answer.json();
    expect([answer.status, turn.status, turn.reply]).toEqual([202, 'running', null]);
    expect(answer.headers.get('location')).toBe(`/v1/turns/${turn.turnId}`);
    resolve();
    expect((await (await send(world, {}, { 'idempotency-key': 'k1' })).json()).turnId).toBe(turn.turnId);
    expect((await send(world, {}, { prefer: 'respond-async', 'idempotency-key': 'k1' })).status).toBe(200);
  });
});

describe('a refusal', () => {
  // A wrong method never comes as far as the agent, and no route documents it.
  const fromAgent = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => code !== 'method_not_allowed');

  test.each(fromAgent)('%s from the agent is rendered by the one table', async (code) => {
    const world = createWorld({ refuse: () => new AppError(code, { cause: new Error('CANARY secret') }) });
    for (const stream of [false, true]) {
      const answer = await send(world, { stream });
      expect(answer.status).toBe(ERRORS[code].status);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      const text = await answer.text();
      expect(problemSchema.parse(JSON.parse(text))).toMatchObject({ code, status: answer.status, title: ERRORS[code].sentence });
      expect(JSON.parse(text).requestId).toBe(answer.headers.get('x-request-id'));
      expect(text).not.toContain('CANARY');
      if (answer.status === 429 || answer.status === 503) expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    }
  });

  test('of a foreign kind says nothing of its cause, and the log has the request id', async () => {
    const lines: unknown[] = [];
    const log = { debug() {}, info() {}, warn() {}, error: (event: string, fields: unknown) => lines.push([event, fields]) };
    for (const thrown of [
      new Error('CANARY at /home/x'),
      'CANARY',
      null,
      { status: 200, code: 'CANARY' },
      new Proxy({}, { get: () => fail() }),
    ]) {
      const world = createWorld({
        log,
        refuse() {
          throw thrown;
        },
      });
      const answer = await send(world);
      expect(answer.status).toBe(500);
      const text = await answer.text();
      expect(text).not.toContain('CANARY');
      expect(lines.at(-1)).toEqual([
        'request.failed',
        expect.objectContaining({ requestId: JSON.parse(text).requestId, code: 'internal' }),
      ]);
    }
  });

  test('of a session that is not there is 404, as is one whose id is made up', async () => {
    const world = worldOf({});
    expect((await send(world, { sessionId: world.ids.make('ses') })).status).toBe(404);
    expect((await send(world, { sessionId: 'ses_../../etc' })).status).toBe(422);
  });
});

function fail(): never {
  throw new Error('CANARY getter');
}

describe('Idempotency-Key', () => {
  test('stands for the body without stream, whatever the order of its keys', async () => {
    const world = worldOf({});
    const headers = { ...asAdmin, 'idempotency-key': 'k', 'content-type': 'application/json' };
    const first = await world.call('POST /v1/chat', { headers, body: '{"message":"hi","metadata":{"b":[1,{"y":1,"x":2}],"a":2}}' });
    const again = await world.call('POST /v1/chat', {
      headers,
      body: '{"metadata":{"a":2,"b":[1,{"x":2,"y":1}]},"stream":false,"message":"h\\u0069"}',
    });
    const other = await world.call('POST /v1/chat', { headers, body: '{"message":"hi","metadata":{"b":[{"y":1,"x":2},1],"a":2}}' });
    expect((await again.json()).turnId).toBe((await first.json()).turnId);
    expect([other.status, (await other.json()).code]).toEqual([422, 'idempotency_mismatch']);
  });

  test('gives the same turn as a stream', async () => {
    const world = worldOf({});
    const { turnId } = await (await send(world, {}, { 'idempotency-key': 'k' })).json();
    const stream = await (await send(world, { stream: true }, { 'idempotency-key': 'k' })).text();
    expect(stream).toContain(`"turnId":"${turnId}"`);
    expect(stream).toContain('event: turn.end');
  });

  test('of two retries of different turns is two different requests', async () => {
    const world = worldOf({ deltas: [], status: 'degraded', reason: 'model_unavailable' });
    const one = await (await send(world)).json();
    const two = await (await send(world)).json();
    const retry = (id: string) => world.call(`POST /v1/turns/${id}/retry`, { headers: { ...asAdmin, 'idempotency-key': 'k' } });
    const first = await (await retry(one.turnId)).json();
    expect(first.retryOf).toBe(one.turnId);
    expect((await (await retry(one.turnId)).json()).turnId).toBe(first.turnId);
    expect((await retry(two.turnId)).status).toBe(422);
  });

  test.each(['', 'x'.repeat(256), 'caf\u00e9', 'a\tb'])('%j is refused', async (key) => {
    const answer = await send(worldOf({}), {}, { 'idempotency-key': key });
    expect(answer.status).toBe(400);
  });

  test('of 255 printable characters is taken', async () => {
    expect((await send(worldOf({}), {}, { 'idempotency-key': '~ '.repeat(127).trim() })).status).toBe(200);
  });
});

describe('what the agent is handed', () => {
  test('is the parsed request and nothing else', async () => {
    const world = worldOf({});
    const body = {
      message: 'héllo\u0000\u202e👩‍👩‍👧',
      user: 'u',
      metadata: { a: [1] },
      model: 'demo',
      deadlineMs: 5,
      onUnavailable: 'wait',
      whileBusy: 'reject',
    };
    await send(world, { ...body, stream: true }, { 'idempotency-key': 'k', 'x-request-id': 'trace-0123456789abcdef' });
    const { arrivedAt, principal, idempotency, ...rest } = world.agent.submissions[0] ?? ({} as never);
    expect(rest).toEqual({ ...body, sessionId: undefined, stream: true, requestId: 'trace-0123456789abcdef' });
    expect(principal).toEqual({ id: 'key:admin', role: 'admin', tenant: 'default' });
    expect(idempotency?.key).toBe('k');
    expect(arrivedAt).toBeGreaterThan(0);
  });

  test.each([
    [{}, {}, false],
    [{ stream: true }, {}, true],
    [{}, { accept: 'application/json, text/event-stream;q=0.5' }, true],
    [{ stream: false }, { accept: 'text/event-stream' }, false],
    [{ stream: true }, { prefer: 'respond-async' }, true],
    [{}, { accept: 'text/event-stream', prefer: 'respond-async' }, false],
  ])('body %j with headers %j streams: %s', async (body, headers: Record<string, string>, streams) => {
    const answer = await send(worldOf({}), body, headers);
    expect(answer.headers.get('content-type')?.startsWith('text/event-stream')).toBe(streams);
    await answer.body?.cancel();
  });
});
