import { describe, expect, test } from 'vitest';
import { asAdmin, createWorld } from '../../test/support/http-world.ts';
import { createManualClock } from '../../test/support/manual-clock.ts';
import type { LifecycleState } from '../base/lifecycle.ts';
import { healthSchema, statusSchema } from '../contract/status.ts';
import { HTTP_LIMITS } from './limits.ts';
import { createPressure } from './pressure.ts';

const ask = async (world: ReturnType<typeof createWorld>, path = '/health', options = {}) => {
  const answer = await world.call(`GET ${path}`, options);
  return { code: answer.status, body: healthSchema.parse(await answer.json()) };
};

describe('/health', () => {
  test('is ok when all is well', async () => {
    expect(await ask(createWorld())).toMatchObject({ code: 200, body: { status: 'ok', state: 'ready', version: '1.2.3' } });
  });

  test('is 503 down when nothing can be stored, and says what and how to mend it', async () => {
    const world = createWorld();
    Object.assign(world.store.condition, { writable: false, reason: 'disk full' });
    const { code, body } = await ask(world);
    expect([code, body.status]).toEqual([503, 'down']);
    expect(body.checks?.storage).toMatchObject({ status: 'down', detail: 'disk full', fix: expect.any(String) });
    expect((await ask(world, '/readyz')).code).toBe(503);
    expect((await ask(world, '/livez')).code).toBe(200);
  });

  test('is 200 degraded when the model is down', async () => {
    const world = createWorld();
    world.models.list = [{ name: 'gemini/x', state: 'bad_key', fix: 'set GEMINI_API_KEY' }];
    const { code, body } = await ask(world);
    expect([code, body.status]).toEqual([200, 'degraded']);
    expect(body.checks?.['model:gemini/x']).toEqual({
      id: 'model:gemini/x',
      status: 'degraded',
      detail: 'the provider refuses the key',
      fix: 'set GEMINI_API_KEY',
    });
    expect((await ask(world, '/readyz')).code).toBe(200);
  });

  test('says why a model that may be called is not well', async () => {
    const world = createWorld();
    world.models.list = [{ name: 'gemini/x', state: 'ok', lastFailure: 'http_404', fix: 'correct HOLDFAST_MODELS' }];
    const { body } = await ask(world);
    expect(body.checks?.['model:gemini/x']).toMatchObject({ status: 'degraded', detail: 'The provider does not know this model.' });
  });

  test.each<[LifecycleState, number, number]>([
    ['starting', 503, 503],
    ['ready', 200, 200],
    ['draining', 503, 200],
    ['stopped', 503, 200],
    ['failed', 503, 503],
  ])('while %s: ready %i, started %i, alive 200', async (state, ready, startedUp) => {
    const world = createWorld();
    world.life.state = state;
    expect(await ask(world)).toMatchObject({ code: ready, body: { state } });
    expect((await ask(world, '/readyz')).code).toBe(ready);
    expect((await ask(world, '/startupz')).code).toBe(startedUp);
    expect((await ask(world, '/livez')).code).toBe(200);
  });

  test('liveness asks neither the store nor the models, so that neither can have the process killed', async () => {
    const world = createWorld();
    const broken = () => {
      throw new Error('asked');
    };
    Object.assign(world.store, { health: broken, counts: broken });
    Object.assign(world.models, { list: undefined });
    expect(await ask(world, '/livez')).toEqual({ code: 200, body: { status: 'ok', state: 'ready' } });
    expect((await world.call('GET /livez', { headers: asAdmin })).status).toBe(200);
  });

  test('tells strangers status and state only', async () => {
    const bare = { code: 200, body: { status: 'ok', state: 'ready' } };
    for (const path of ['/health', '/livez', '/readyz', '/startupz']) {
      const world = createWorld();
      expect(await ask(world, path, { peer: '203.0.113.5' })).toEqual(bare);
      expect(await ask(world, path, { headers: { 'x-forwarded-for': '203.0.113.5' } })).toEqual(bare);
      expect(await ask(world, path, { peer: '203.0.113.5', headers: { authorization: 'Bearer nonsense' } })).toEqual(bare);
      if (path !== '/livez') expect((await ask(world, path, { peer: '203.0.113.5', headers: asAdmin })).body).toHaveProperty('checks');
      expect(await ask(createWorld({ config: { env: 'production' } }), path)).toEqual(bare);
    }
  });
});

describe('under pressure', () => {
  test('new work is refused with Retry-After, while reads, cancelling and health go on', async () => {
    const world = createWorld({ limits: { pressureSampleMs: 60_000 } });
    world.store.condition.walBytes = 65 * 2 ** 20;
    await world.http.start();
    const refused = await world.call('POST /v1/chat', { headers: asAdmin, body: { message: 'm' } });
    expect([refused.status, (await refused.json()).code, refused.headers.get('retry-after')]).toEqual([503, 'overloaded', '1']);
    expect((await world.call(`POST /v1/turns/${world.ids.make('trn')}/retry`, { headers: asAdmin })).status).toBe(503);
    expect((await world.call('GET /v1/sessions', { headers: asAdmin })).status).toBe(200);
    expect((await world.call(`POST /v1/turns/${world.ids.make('trn')}/cancel`, { headers: asAdmin })).status).toBe(404);
    expect(await ask(world)).toMatchObject({ code: 200, body: { status: 'degraded' } });
    await world.http.stop();
  });

  test('a blocked loop counts once two samples in a row saw it, and no longer than that', async () => {
    const clock = createManualClock();
    const pressure = createPressure({
      clock,
      store: { health: () => ({ writable: true, queued: 0, walBytes: 0 }) },
      limits: { ...HTTP_LIMITS, pressureSampleMs: 1_000 },
    });
    pressure.start();
    const late = async (ms: number) => {
      // The timer was due after 1,000 ms and runs later: the clock moved on while the loop was blocked.
      const { monotonic } = clock;
      clock.monotonic = () => monotonic() + ms;
      await clock.advance(1_000);
    };
    await late(0);
    expect(pressure.strain()).toBeUndefined();
    await late(300);
    expect(pressure.strain()).toBeUndefined();
    await late(300);
    expect(pressure.strain()).toBe('event_loop');
    await late(100);
    expect(pressure.strain()).toBeUndefined();
    pressure.stop();
  });

  test('a heap that is nearly full counts', () => {
    const limits = { ...HTTP_LIMITS, heapShareMax: 0.000_001 };
    const pressure = createPressure({
      clock: createManualClock(),
      store: { health: () => ({ writable: true, queued: 0, walBytes: 0 }) },
      limits,
    });
    pressure.start();
    expect(pressure.strain()).toBe('heap');
    pressure.stop();
  });
});

test('/v1/status says what an operator asks first', async () => {
  const world = createWorld();
  const { id } = await (await world.call('POST /v1/sessions', { headers: asAdmin, body: { current: true } })).json();
  await world.call('POST /v1/chat', { headers: asAdmin, body: { message: 'm', sessionId: id } });
  const status = await (await world.call('GET /v1/status', { headers: asAdmin })).json();
  expect(status).toMatchObject({
    agentId: world.store.agentId,
    name: 'holdfast',
    state: 'ready',
    health: 'ok',
    pid: process.pid,
    currentSession: { id, restored: false },
    requests: { accepted: 1, completed: 1, open: 0 },
    stored: { sessions: 1, turns: 1 },
    models: [{ name: 'memory', state: 'ok' }],
  });
});

describe('/v1/status', () => {
  const finding = { id: 'disk', severity: 'warning', cause: 'Little room.', fix: 'df -h' } as const;
  const alert = {
    id: 'disk_low',
    rule: 'disk_low',
    severity: 'warning',
    since: '2026-01-02T03:04:05.000Z',
    cause: 'x.',
    fix: 'df -h',
  } as const;

  test('shows alerts always, and findings when asked to look closer', async () => {
    const world = createWorld();
    Object.assign(world.deep, { findings: [finding], alerts: [alert] });
    const plain = statusSchema.parse(await (await world.call('GET /v1/status', { headers: asAdmin })).json());
    expect([plain.alerts, plain.findings]).toEqual([[alert], undefined]);
    const deep = statusSchema.parse(await (await world.call('GET /v1/status?deep=true', { headers: asAdmin })).json());
    expect([deep.alerts, deep.findings]).toEqual([[alert], [finding]]);
    expect((await world.call('GET /v1/status?deep=yes', { headers: asAdmin })).status).toBe(400);
    expect((await world.call('GET /v1/status?deep=true')).status).toBe(401);
  });

  test('survives a damaged audit head, which the checks name', async () => {
    const world = createWorld();
    world.store.auditHead = () => Promise.reject(new Error('damaged'));
    expect(await (await world.call('GET /v1/status', { headers: asAdmin })).json()).toMatchObject({ auditHead: null });
  });
});
