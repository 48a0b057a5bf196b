import { afterEach, beforeEach, expect, test } from 'vitest';
import { createManualClock, type ManualClock } from '../../test/support/manual-clock.ts';
import { createStoreWorld, type StoreWorld } from '../../test/support/store-world.ts';
import { until } from '../../test/support/until.ts';
import { silentLogger } from '../base/log.ts';
import { Secret } from '../base/secret.ts';
import type { Database } from '../store/database.ts';
import type { Store } from '../store/store.ts';
import { type Access, createAccess } from './access.ts';

const ADMIN = 'an-admin-key-of-32-characters-or-more';
const MINUTE = 60_000;
const by = { principal: 'local', requestId: 'req_1' };
const from = { requestId: 'req_2', source: '127.0.0.1' };

let clock: ManualClock;
let world: StoreWorld;
let store: Store;
/** Statements that reached the database, one list a unit. */
let units: string[][];

beforeEach(async () => {
  clock = createManualClock();
  world = createStoreWorld({ clock });
  await open();
});
afterEach(() => world.end());

async function open(): Promise<void> {
  units = [];
  const database = world.database();
  const seen: Database = {
    ...database,
    write(unit) {
      units.push(unit.statements.map(({ sql }) => sql));
      return database.write(unit);
    },
  };
  store = await world.store({ database: seen });
}

async function access(adminKey = ADMIN): Promise<Access> {
  const localToken = new Secret(`hf_local_${'x'.repeat(40)}`);
  const made = createAccess({ store, clock, ids: world.ids, log: silentLogger, adminKey: new Secret(adminKey), localToken });
  await made.load();
  return made;
}

async function restart(before: Access): Promise<void> {
  await before.stop();
  await store.close();
  await open();
}

const useWrites = () => units.filter((unit) => unit.some((sql) => sql.includes('SET last_used_at'))).length;

test('keys and sign-ins are good again after a restart; links are not', async () => {
  const first = await access();
  const { text: key } = await first.createKey({ name: 'k', role: 'client', expiresAt: null }, by);
  const byKey = await first.signInByKey(first.byKey(key), from);
  const local = first.byKey(`hf_local_${'x'.repeat(40)}`);
  if (!local) throw new Error('the local token is not known');
  const operator = await first.signInByLink((await first.makeLink(local, 'req_3')).text, from);
  const unused = await first.makeLink(local, 'req_4');
  await restart(first);
  const second = await access();
  expect(second.byKey(key)?.principal).toMatchObject({ role: 'client' });
  expect(second.byCookie(byKey?.text ?? '')).toMatchObject({ name: 'k', principal: { role: 'client' } });
  expect(second.byCookie(operator?.text ?? '')).toMatchObject({ principal: { id: 'operator', role: 'admin' } });
  expect(await second.signInByLink(unused.text, from)).toBeUndefined();
});

test('a sign-in by the admin key of the settings ends when that key is changed', async () => {
  const first = await access();
  const signedIn = await first.signInByKey(first.byKey(ADMIN), from);
  await restart(first);
  const same = await access();
  expect(same.byCookie(signedIn?.text ?? '')).toBeDefined();
  await restart(same);
  const changed = await access(`${ADMIN}-changed`);
  expect(changed.byCookie(signedIn?.text ?? '')).toBeUndefined();
  expect((await changed.listLogins({ limit: 10 })).items).toEqual([]);
});

test('uses are written once a minute however many there are, and at the stop', async () => {
  const it = await access();
  const { text, key } = await it.createKey({ name: 'k', role: 'client', expiresAt: null }, by);
  const signedIn = await it.signInByKey(it.byKey(text), from);
  const idle = useWrites();
  for (let n = 0; n < 1_000; n += 1) {
    for (const found of [it.byKey(text), it.byCookie(signedIn?.text ?? '')]) if (found) it.used(found);
  }
  const usedAt = it.now();
  expect(useWrites()).toBe(idle);
  // Who asks sees what is not written yet.
  expect((await it.listKeys({ limit: 1, revoked: false })).items[0]?.lastUsedAt).toBe(usedAt);
  await clock.advance(MINUTE);
  await until(() => useWrites() === idle + 2);
  await clock.advance(10 * MINUTE);
  expect(useWrites()).toBe(idle + 2);
  const found = it.byKey(text);
  if (found) it.used(found);
  const last = it.now();
  await restart(it);
  expect((await store.keys.live()).find(({ id }) => id === key.id)?.lastUsedAt).toBe(last);
});

test('a use that cannot be written is kept and written later', async () => {
  const it = await access();
  const { text, key } = await it.createKey({ name: 'k', role: 'client', expiresAt: null }, by);
  const used = store.keys.used;
  Object.assign(store.keys, { used: () => Promise.reject(new Error('no disk')) });
  const found = it.byKey(text);
  if (found) it.used(found);
  const at = it.now();
  await clock.advance(MINUTE);
  Object.assign(store.keys, { used });
  await clock.advance(MINUTE);
  await until(async () => (await store.keys.live()).find(({ id }) => id === key.id)?.lastUsedAt === at);
});

test('a key revoked while a sign-in with it is being written lets nobody in', async () => {
  const it = await access();
  const { text, key } = await it.createKey({ name: 'k', role: 'admin', expiresAt: null }, by);
  for (let n = 0; n < 5; n += 1) {
    const found = it.byKey(text);
    const both = await Promise.all([it.signInByKey(found, from), n === 2 ? it.revokeKey(key.id, by) : undefined]);
    if (n < 2) expect(it.byCookie(both[0]?.text ?? '')).toBeDefined();
    else expect(both[0] === undefined || it.byCookie(both[0].text) === undefined).toBe(true);
  }
  expect((await it.listLogins({ limit: 50 })).items).toEqual([]);
  await restart(it);
  expect((await (await access()).listLogins({ limit: 50 })).items).toEqual([]);
});

test('a watcher hears of the end once, or at once when it comes too late', async () => {
  const it = await access();
  const { text, key } = await it.createKey({ name: 'k', role: 'client', expiresAt: it.now() + 40 * 24 * 60 * MINUTE }, by);
  const found = it.byKey(text);
  if (!found) throw new Error('the key is not known');
  const heard: string[] = [];
  it.watch(found, () => heard.push('one'));
  it.watch(found, () => heard.push('forgotten'))();
  await it.revokeKey(key.id, by);
  await it.revokeKey(key.id, by);
  it.watch(found, () => heard.push('late'));
  await clock.advance(60 * 24 * 60 * MINUTE);
  expect(heard).toEqual(['one', 'late']);
  expect(it.byKey(text)).toBeUndefined();
});
