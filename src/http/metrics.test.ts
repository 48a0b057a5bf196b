import { describe, expect, test } from 'vitest';
import { asAdmin, createWorld, type WorldOptions } from '../../test/support/http-world.ts';
import { seriesSchema } from '../contract/series.ts';

const scrape = async (options: WorldOptions = {}, call: { headers?: Record<string, string>; peer?: string } = {}) =>
  (await createWorld(options).call('GET /metrics', call)).status;

describe('GET /metrics', () => {
  test('is open in development to a caller on this machine, and to nobody else', async () => {
    expect(await scrape()).toBe(200);
    expect(await scrape({}, { peer: '192.0.2.7' })).toBe(401);
    for (const name of ['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'via', 'cf-connecting-ip', 'x-real-ip'])
      expect(await scrape({}, { headers: { [name]: 'for=127.0.0.1' } })).toBe(401);
    expect(await scrape({ config: { host: '0.0.0.0' } })).toBe(401);
    expect(await scrape({ config: { env: 'production' } })).toBe(401);
    expect(await scrape({ config: { env: 'production' } }, { headers: asAdmin, peer: '192.0.2.7' })).toBe(200);
  });

  test('is Prometheus text that counts the requests refused before it, by code', async () => {
    const world = createWorld();
    await world.call('GET /v1/status');
    await world.call('GET /nowhere');
    const answer = await world.call('GET /metrics');
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = await answer.text();
    expect(text).toContain('holdfast_http_problems_total{code="unauthenticated"} 1');
    expect(text).toContain('holdfast_http_problems_total{code="not_found"} 1');
    expect(text).toContain('holdfast_model_state{model="memory",state="ok"} 1');
    expect(text).toContain('holdfast_health{status="ok"} 1');
  });

  test('says so when the store takes no writes', async () => {
    const world = createWorld();
    Object.assign(world.store.condition, { writable: false, queued: 12 });
    const text = await (await world.call('GET /metrics')).text();
    expect(text).toContain('holdfast_store_writable 0');
    expect(text).toContain('holdfast_store_queued_units 12');
    expect(text).toContain('holdfast_health{status="down"} 1');
  });
});

describe('GET /v1/metrics', () => {
  const series = async (query = '') => {
    const answer = await createWorld().call(`GET /v1/metrics${query}`, { headers: asAdmin });
    return { status: answer.status, body: await answer.json() };
  };

  test('gives the last hour in steps of ten seconds unless asked otherwise', async () => {
    const { status, body } = await series();
    expect(status).toBe(200);
    expect(seriesSchema.parse(body)).toMatchObject({ window: '1h', stepS: 10 });
    expect(seriesSchema.parse((await series('?window=7d')).body).times).toHaveLength(168);
    expect(seriesSchema.parse((await series('?window=24h&step=1m')).body).times).toHaveLength(1_440);
  });

  test.each([
    ['?window=2h', 'window', 'must be one of 15m, 1h, 24h, 7d'],
    ['?step=7s', 'step', 'must be one of 10s, 30s, 1m, 5m, 15m, 1h'],
    ['?window=24h&step=10s', 'step', 'must be one of 1m, 5m, 15m, 1h for a window of 24h'],
    ['?window=7d&step=1m', 'step', 'must be one of 15m, 1h for a window of 7d'],
    ['?from=1', '', 'has a field that is not known; known are window, step'],
  ])('refuses %s and says what it takes', async (query, path, message) => {
    const { status, body } = await series(query);
    expect(status).toBe(400);
    expect(body.errors).toContainEqual({ path, message });
  });

  test('is for operators', async () => {
    expect((await createWorld().call('GET /v1/metrics')).status).toBe(401);
  });
});
