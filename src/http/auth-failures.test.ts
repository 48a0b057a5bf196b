import { expect, test } from 'vitest';
import { asAdmin, createWorld } from '../../test/support/http-world.ts';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { until } from '../../test/support/until.ts';

const bad = { headers: { authorization: 'Bearer CANARY-wrong-key' } };

function world(config = {}) {
  const clock = createManualClock();
  return { clock, ...createWorld({ clock, config }) };
}

test('a refused key is audited at once, then once a minute and source with the number since', async () => {
  const { clock, call, store, http } = world();
  for (let i = 0; i < 50; i++) await call('GET /v1/status', { ...bad, peer: '203.0.113.7' });
  await call('GET /v1/status', { ...bad, peer: '203.0.113.8' });
  expect(store.auditRows.map(({ target, detail }) => [target, detail?.count])).toEqual([
    ['203.0.113.7', 1],
    ['203.0.113.8', 1],
  ]);
  await clock.advance(59_000);
  expect(store.auditRows).toHaveLength(2);
  await clock.advance(1_000);
  await until(() => store.auditRows.length === 3);
  expect(store.auditRows[2]).toMatchObject({
    action: 'auth.refuse',
    target: '203.0.113.7',
    outcome: 'unauthenticated',
    detail: { count: 49 },
  });
  await clock.advance(120_000);
  expect(store.auditRows).toHaveLength(3);
  expect(JSON.stringify(store.auditRows)).not.toContain('CANARY');
  await http.stop();
});

test('strangers cannot fill memory or the audit: beyond 1,024 sources they share a row', async () => {
  const { clock, call, store, http } = world();
  for (let i = 0; i < 1_100; i++) await call('GET /v1/status', { ...bad, peer: `10.0.${i >> 8}.${i & 255}` });
  expect(store.auditRows).toHaveLength(1_025);
  await clock.advance(60_000);
  await until(() => store.auditRows.length === 1_026);
  expect(store.auditRows.at(-1)).toMatchObject({ target: 'others', detail: { count: 75 } });
  await http.stop();
});

test('one IPv6 network is one source, and a trusted proxy names the caller', async () => {
  const { call, store, http } = world({ trustProxy: true });
  for (const peer of ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:db8:1:2::1']) await call('GET /v1/status', { ...bad, peer });
  const forwarded = { ...bad.headers, 'x-forwarded-for': '6.6.6.6, 198.51.100.4' };
  await call('GET /v1/status', { headers: forwarded });
  await call('GET /v1/status', { headers: { ...forwarded, 'x-forwarded-for': '<script>' } });
  expect(store.auditRows.map(({ target }) => target)).toEqual(['2001:db8:1:2::/64', '198.51.100.4', 'unreadable']);
  await http.stop();
});

test('a store that cannot write changes nothing for the caller, and what is counted is written at the stop', async () => {
  const { call, store, http } = world();
  store.condition.writable = false;
  expect((await call('GET /v1/status', bad)).status).toBe(401);
  expect((await call('GET /v1/status', bad)).status).toBe(401);
  store.condition.writable = true;
  await http.stop();
  expect(store.auditRows.map(({ detail }) => detail)).toEqual([{ count: 1 }]);
});

test('a good key is no failure', async () => {
  const { call, store, http } = world();
  expect((await call('GET /v1/status', { headers: asAdmin })).status).toBe(200);
  await http.stop();
  expect(store.auditRows).toEqual([]);
});
