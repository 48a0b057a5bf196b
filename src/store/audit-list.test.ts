import { afterEach, beforeEach, expect, test } from 'vitest';
import { admin, createStoreWorld, exchange, type StoreWorld } from '../../test/support/store-world.ts';
import { listAudit } from './audit-list.ts';
import type { Database } from './database.ts';
import type { AuditQuery, StoredAuditRow } from './store.ts';

let world: StoreWorld;
let database: Database;
beforeEach(async () => {
  world = createStoreWorld();
  database = world.database();
  const store = await world.store({ database });
  const id = world.ids.make('ses');
  await store.sessions.create({ id, principal: admin, requestId: 'r1' });
  for (let n = 0; n < 6; n += 1) await exchange(store, world.ids, id, { question: 'q', answer: 'a' });
  await store.sessions.erase(id, { principal: { ...admin, id: 'key_other' }, requestId: 'r2' });
});
afterEach(() => world.end());

async function pages(query: Omit<AuditQuery, 'cursor'>): Promise<StoredAuditRow[][]> {
  const all: StoredAuditRow[][] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await listAudit(database, { ...query, ...(cursor ? { cursor } : {}) });
    all.push(page.items);
    cursor = page.nextCursor;
  }
  return all;
}

test('pages go from the newest row to the first without a gap or a repetition', async () => {
  const all = await pages({ limit: 4 });
  const seqs = all.flat().map(({ seq }) => seq);
  expect(seqs).toEqual(seqs.map((_, i) => seqs.length - i));
  expect(seqs.length).toBeGreaterThan(12);
  expect(all.slice(0, -1).every((page) => page.length === 4)).toBe(true);
  expect(all.flat().at(-1)).toMatchObject({
    seq: 1,
    action: 'install.create',
    principal: 'system',
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});

test('filters find what they name, over page borders', async () => {
  const accepts = (await pages({ limit: 2, action: 'turn.accept' })).flat();
  expect(accepts).toHaveLength(6);
  expect(accepts.every(({ action }) => action === 'turn.accept')).toBe(true);
  expect((await pages({ limit: 2, principal: 'key_other' })).flat()).toMatchObject([{ action: 'session.delete' }]);
  expect((await pages({ limit: 2, since: Date.now() + 60_000 })).flat()).toEqual([]);
  const [newest] = await listAudit(database, { limit: 1 }).then(({ items }) => items);
  expect((await pages({ limit: 200, since: newest?.at ?? 0 })).flat().every(({ at }) => at >= (newest?.at ?? 0))).toBe(true);
});

test('a rare row in a long chain is found though no page looks at all of it', async () => {
  const insert =
    "WITH RECURSIVE n(i) AS (VALUES(100) UNION ALL SELECT i + 1 FROM n WHERE i < 45000) INSERT INTO audit SELECT (SELECT writer FROM audit LIMIT 1), i, 1, 't', 'p', 'x', '', '', 'ok', '', zeroblob(32), zeroblob(32) FROM n";
  await database.write({ statements: [{ sql: insert, values: [] }] });
  const all = await pages({ limit: 10, action: 'install.create' });
  expect(all.map(({ length }) => length)).toEqual([0, 0, 1]);
});

test.each(['', 'x', '1', '1.', '-1.a', '1.A;', `1.${'a'.repeat(65)}`])('a cursor that is not ours is refused: %j', async (cursor) => {
  await expect(listAudit(database, { limit: 1, cursor })).rejects.toMatchObject({ code: 'invalid_request' });
});
