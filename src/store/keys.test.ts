import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { createStoreWorld, filesIn, rejection, type StoreWorld } from '../../test/support/store-world.ts';
import type { Store } from './store.ts';

let world: StoreWorld;
let store: Store;
const by = { principal: 'local', requestId: 'req_1' };
const DIGEST = 'd'.repeat(43);

beforeEach(async () => {
  world = createStoreWorld();
  store = await world.store();
});
afterEach(() => world.end());

const key = (more: object = {}) => ({
  id: world.ids.make('key'),
  name: 'a name',
  role: 'client' as const,
  expiresAt: null,
  digest: DIGEST,
  ...more,
});
const login = (principal: string, more: object = {}) => ({
  ...{ id: world.ids.make('lgn'), principal, role: 'admin' as const, how: 'link' as const, digest: DIGEST, keyDigest: null },
  ...{ expiresAt: Date.now() + 60_000, idleMs: 60_000, ...more },
});
const from = { requestId: 'req_2', source: '127.0.0.1' };
const acts = async () => (await store.auditTrail({ limit: 50 })).items.map(({ action, target, detail }) => [action, target, detail]);

/** Somebody with the file and without the key. */
async function tamper(sql: string, ...values: (string | number | null | Uint8Array)[]): Promise<void> {
  await store.close();
  const database = new DatabaseSync(world.path);
  expect(database.prepare(sql).run(...values).changes).toBeGreaterThan(0);
  database.close();
  store = await world.store();
}

describe('keys', () => {
  test('are kept over a restart, listed newest first, and leave their rows in the audit', async () => {
    const made = [await store.keys.create(key(), by), await store.keys.create(key({ role: 'admin', expiresAt: 2_000_000_000_000 }), by)];
    await store.close();
    store = await world.store();
    expect(await store.keys.live()).toEqual(made);
    const first = await store.keys.list({ limit: 1, revoked: false });
    expect(first.items).toEqual([made[1]]);
    expect(await store.keys.list({ limit: 1, revoked: false, cursor: first.nextCursor ?? '' })).toEqual({
      items: [made[0]],
      nextCursor: null,
    });
    expect((await acts()).slice(0, 2)).toEqual([
      ['key.create', made[1]?.id, '{"expiresAt":"2033-05-18T03:33:20.000Z","role":"admin"}'],
      ['key.create', made[0]?.id, '{"role":"client"}'],
    ]);
    await expect(store.keys.list({ limit: 1, revoked: false, cursor: 'x' })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('revoked lose their digest and their sign-ins in one unit; a second time changes nothing', async () => {
    const { id } = await store.keys.create(key(), by);
    await store.logins.create(login(id), from);
    await store.logins.create(login('operator'), from);
    const revoked = await store.keys.revoke(id, by, null);
    expect(revoked).toMatchObject({ id, name: 'a name', digest: null, revokedAt: expect.any(Number) });
    expect(await store.keys.revoke(id, by, null)).toEqual(revoked);
    expect(await store.keys.revoke(world.ids.make('key'), by, null)).toBeUndefined();
    expect((await acts()).filter(([action]) => action === 'key.revoke')).toEqual([['key.revoke', id, '{"role":"client"}']]);
    expect(await store.keys.live()).toEqual([]);
    expect((await store.logins.live()).map(({ principal }) => principal)).toEqual(['operator']);
    expect((await store.keys.list({ limit: 5, revoked: false })).items).toEqual([]);
    expect((await store.keys.list({ limit: 5, revoked: true })).items).toEqual([revoked]);
  });

  test('revoked by several at once are revoked once', async () => {
    const { id } = await store.keys.create(key(), by);
    const all = await Promise.all(Array.from({ length: 3 }, () => store.keys.revoke(id, by, null)));
    expect(new Set(all.map((each) => each?.revokedAt)).size).toBe(1);
    expect((await acts()).filter(([action]) => action === 'key.revoke')).toHaveLength(1);
  });

  test('may be a thousand; one that is revoked makes room', async () => {
    const made = await Promise.all(Array.from({ length: 1_000 }, () => store.keys.create(key(), by)));
    await expect(store.keys.create(key(), by)).rejects.toMatchObject({ code: 'conflict' });
    await store.keys.revoke(made[0]?.id ?? '', by, null);
    await store.keys.create(key(), by);
  });

  test('leave neither name nor digest in any file', async () => {
    const { id } = await store.keys.create(key({ name: 'CANARY-NAME' }), by);
    await store.logins.create(login(id, { digest: 'CANARY-DIGEST' }), from);
    await store.keys.create(key({ digest: 'CANARY-DIGEST' }), by);
    for (const { name, bytes } of filesIn(world.folder)) expect(bytes.includes('CANARY'), name).toBe(false);
  });

  test('cannot be made, promoted, lengthened or brought back by who can write the file', async () => {
    const real = await store.keys.create(key({ role: 'admin' }), by);
    const other = await store.keys.create(key(), by);
    await tamper(
      'INSERT INTO api_keys SELECT ?, tenant, revision, NULL, NULL, facts_sealed FROM api_keys WHERE id = ?',
      world.ids.make('key'),
      real.id,
    );
    expect((await store.keys.live()).map(({ id }) => id)).toEqual([real.id, other.id]);
    await tamper('UPDATE api_keys SET facts_sealed = (SELECT facts_sealed FROM api_keys WHERE id = ?) WHERE id = ?', real.id, other.id);
    expect((await store.keys.live()).map(({ id }) => id)).toEqual([real.id]);
    await store.keys.revoke(real.id, by, 5_000);
    await tamper('UPDATE api_keys SET revoked_at = NULL WHERE id = ?', real.id);
    expect(await store.keys.live()).toMatchObject([{ id: real.id, digest: null, lastUsedAt: 5_000 }]);
    // What no longer opens can still be ended.
    expect(await store.keys.revoke(other.id, by, null)).toMatchObject({ id: other.id, digest: null, name: '' });
  });
});

describe('sign-ins', () => {
  test('are kept over a restart until they end, and are listed by principal', async () => {
    const { login: one } = await store.logins.create(login('operator'), from);
    const { login: two } = await store.logins.create(login('key_x'), from);
    await store.close();
    store = await world.store();
    expect(await store.logins.live()).toEqual([two, one]);
    expect((await store.logins.list({ limit: 5, principal: 'key_x' })).items).toEqual([two]);
    expect(await store.logins.end(one.id, 'logout', by)).toBe(true);
    expect(await store.logins.end(one.id, 'login.revoke', by)).toBe(false);
    expect(await store.logins.live()).toEqual([two]);
    expect((await acts()).slice(0, 3)).toEqual([
      ['logout', one.id, ''],
      ['login', two.id, '{"how":"link","source":"127.0.0.1"}'],
      ['login', one.id, '{"how":"link","source":"127.0.0.1"}'],
    ]);
  });

  test('of one principal are at most twenty, also when many come at once', async () => {
    await Promise.all(Array.from({ length: 30 }, () => store.logins.create(login('operator'), from)));
    await store.logins.create(login('key_x'), from);
    const { ended } = await store.logins.create(login('operator'), from);
    expect(ended).toHaveLength(11);
    expect((await store.logins.list({ limit: 100, principal: 'operator' })).items).toHaveLength(20);
    expect((await store.logins.list({ limit: 100, principal: 'key_x' })).items).toHaveLength(1);
  });

  test('cannot be moved to another principal, made or lengthened by who can write the file', async () => {
    const { login: own } = await store.logins.create(login('key_x', { role: 'client' }), from);
    await tamper("UPDATE logins SET principal = 'operator', expires_at = expires_at + 1000000");
    expect(await store.logins.live()).toEqual([own]);
    await tamper(
      'INSERT INTO logins SELECT ?, tenant, principal, expires_at, idle_ms, last_used_at, facts_sealed FROM logins',
      world.ids.make('lgn'),
    );
    expect(await store.logins.live()).toEqual([own]);
  });
});

test('last uses are written in bulk, never back in time; what is past its time is swept', async () => {
  await world.end();
  const clock = createManualClock();
  world = createStoreWorld({ clock });
  store = await world.store();
  const { id } = await store.keys.create(key(), by);
  await store.keys.used([{ id, at: 2_000 }]);
  await store.keys.used([{ id, at: 1_000 }]);
  expect(await store.keys.live()).toMatchObject([{ lastUsedAt: 2_000 }]);
  const ends = clock.now() + 60_000;
  const { login: idle } = await store.logins.create(login('operator', { expiresAt: ends, idleMs: 10_000 }), from);
  const { login: busy } = await store.logins.create(login('operator', { expiresAt: ends, idleMs: 10_000 }), from);
  await clock.advance(8_000);
  await store.logins.used([{ id: busy.id, at: clock.now() }]);
  await clock.advance(4_000);
  expect((await store.logins.live()).map((each) => each.id)).toEqual([busy.id]);
  await store.logins.sweep();
  expect((await store.logins.list({ limit: 5 })).items.map((each) => each.id)).toEqual([busy.id]);
  expect(idle.id).not.toBe(busy.id);
});

test('a database that cannot be written says so', async () => {
  await store.close();
  expect(await rejection(store.keys.create(key(), by))).toMatchObject({ code: 'storage_unavailable' });
});
