import { createSecretKey, randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  accepted,
  admin,
  createStoreWorld,
  ending,
  exchange,
  filesIn,
  question,
  rejection,
  type StoreWorld,
} from '../../test/support/store-world.ts';
import { AppError, ConfigError } from '../base/errors.ts';
import type { Part } from '../contract/message.ts';
import { GENESIS, linkHash } from '../crypto/chain.ts';
import type { Store } from './store.ts';

let world: StoreWorld;
beforeEach(() => {
  world = createStoreWorld();
});
afterEach(() => world.end());

const text = (parts: Part[]) => parts.map((part) => (part.type === 'text' ? part.text : part.type)).join();
const newSession = async (store: Store, more = {}) =>
  (await store.sessions.create({ id: world.ids.make('ses'), principal: admin, requestId: 'r', ...more })).id;

/** Writes into the file behind the store's back, as a damaged disk or an attacker would. */
function tamper(...statements: [sql: string, ...values: (string | number | Uint8Array)[]][]): void {
  const database = new DatabaseSync(world.path);
  for (const [sql, ...values] of statements) expect(database.prepare(sql).run(...values).changes).toBeGreaterThan(0);
  database.close();
}

test('the agent stays the same agent over restarts', async () => {
  const first = await world.store();
  await first.close();
  const second = await world.store();
  expect(second.agentId).toMatch(/^agt_/);
  expect(second.agentId).toBe(first.agentId);
});

test('a wrong master key is refused and not one byte is written', async () => {
  const store = await world.store();
  await exchange(store, world.ids, await newSession(store), { question: 'q', answer: 'a' });
  await store.close();
  const before = filesIn(world.folder).filter(({ name }) => !name.endsWith('-shm') && !name.endsWith('-wal'));
  const database = world.database();
  const refusal = await rejection(world.store({ masterKey: createSecretKey(randomBytes(32)), database }));
  await database.close();
  expect(refusal).toBeInstanceOf(ConfigError);
  const after = filesIn(world.folder).filter(({ bytes }) => bytes.length > 0 && bytes.length !== 32_768);
  expect(after.map(({ name }) => name)).toEqual(before.map(({ name }) => name));
  expect(after.every(({ bytes }, index) => bytes.equals(before[index]?.bytes ?? Buffer.alloc(0)))).toBe(true);
});

test('with data present a key is never made: a keyring or an identity that is gone refuses', async () => {
  const store = await world.store();
  await newSession(store);
  await store.close();
  tamper(['DELETE FROM keyring']);
  expect(await rejection(world.store())).toBeInstanceOf(ConfigError);
  tamper([`DELETE FROM meta WHERE key IN ('install', 'agent')`]);
  expect(await rejection(world.store())).toBeInstanceOf(ConfigError);
});

test('a damaged message costs only itself', async () => {
  const store = await world.store();
  const id = await newSession(store);
  for (let n = 0; n < 5; n += 1) await exchange(store, world.ids, id, { question: `q${n}`, answer: `a${n}` });
  await store.close();
  tamper(['UPDATE messages SET content_sealed = zeroblob(60) WHERE session_id = ? AND seq = ?', id, 3 * 4096]);
  const again = await world.store();
  const read = await again.messages.history(id, Number.MAX_SAFE_INTEGER, 50);
  expect(read.damaged).toBe(1);
  expect(read.messages.map(({ parts }) => text(parts))).toEqual(['q0', 'a0', 'q1', 'a1', 'a2', 'q3', 'a3', 'q4', 'a4']);
  expect((await again.messages.list(id, { limit: 50 })).items).toHaveLength(9);
  const turn = await accepted(again, question(world.ids, 'q5', { id }));
  const warm = await again.messages.history(id, Number.MAX_SAFE_INTEGER, 50);
  expect([warm.damaged, warm.messages.at(-1)?.parts]).toEqual([1, [{ type: 'text', text: 'q5' }]]);
  await again.turns.commit(ending(turn, 'a5'));
});

test('a record copied to another row, session or column does not open', async () => {
  const store = await world.store();
  const [one, two] = [await newSession(store, { title: 'mine' }), await newSession(store, { title: 'theirs', metadata: { a: 1 } })];
  await exchange(store, world.ids, one, { question: 'q1', answer: 'a1' });
  await exchange(store, world.ids, two, { question: 'q2', answer: 'a2' });
  const turn = await accepted(store, question(world.ids, 'q3', { id: one }));
  await store.close();
  const copy = (column: string) => `SELECT ${column} FROM sessions WHERE id = ?`;
  tamper(
    [
      'UPDATE messages SET content_sealed = (SELECT content_sealed FROM messages WHERE session_id = ? AND seq = 4096) WHERE session_id = ? AND seq = 4097',
      one,
      one,
    ],
    [
      'UPDATE messages SET content_sealed = (SELECT content_sealed FROM messages WHERE session_id = ? AND seq = 4096) WHERE session_id = ? AND seq = 4096',
      one,
      two,
    ],
    [`UPDATE sessions SET title_sealed = (${copy('title_sealed')}) WHERE id = ?`, one, two],
    [`UPDATE sessions SET user_sealed = (${copy('title_sealed')}) WHERE id = ?`, one, one],
    ['UPDATE turns SET options_sealed = (SELECT options_sealed FROM turns WHERE session_id = ? AND no = 1) WHERE id = ?', one, turn.id],
  );
  const again = await world.store();
  const said = async (id: string) => (await again.messages.list(id, { limit: 9 })).items.map(({ parts }) => text(parts));
  expect(await said(one)).toEqual(['q1', 'q3']);
  expect(await said(two)).toEqual(['a2']);
  expect(await again.sessions.get(one)).toMatchObject({ title: 'mine', user: null });
  expect(await again.sessions.get(two)).toMatchObject({ title: null, metadata: { a: 1 } });
  // A turn whose options are lost still can be recovered and ended.
  const [open] = await again.turns.open();
  expect(open).toMatchObject({ id: turn.id, options: { onUnavailable: 'fallback' } });
});

test("an old title put back does not open, nor does anything under another session's key", async () => {
  const store = await world.store();
  const by = { principal: admin, requestId: 'r' };
  const [id, other] = [await newSession(store, { title: 'first' }), await newSession(store, { title: 'x' })];
  const database = world.database();
  const [before] = await database.read('SELECT title_sealed FROM sessions WHERE id = ?', [id]);
  await store.sessions.update(id, by, { title: 'second' });
  await store.close();
  tamper(['UPDATE sessions SET title_sealed = ? WHERE id = ?', before?.title_sealed as Uint8Array, id]);
  tamper(['UPDATE session_keys SET wrapped = (SELECT wrapped FROM session_keys WHERE session_id = ?) WHERE session_id = ?', id, other]);
  const again = await world.store();
  expect((await again.sessions.get(id))?.title).toBeNull();
  expect((await again.sessions.get(other))?.title).toBeNull();
  expect(await rejection(again.turns.accept(question(world.ids, 'q', { id: other })))).toBeInstanceOf(AppError);
  expect((await accepted(again, question(world.ids, 'q', { id }))).no).toBe(1);
});

test('the audit chain links every row from the first, over restarts and refused units, and shows its head', async () => {
  let store = await world.store();
  const id = await newSession(store);
  const used = { key: 'k', body: 'b' };
  await Promise.all(Array.from({ length: 10 }, () => store.turns.accept(question(world.ids, 'q', { id }, { idempotency: used }))));
  await store.close();
  store = await world.store();
  await store.audit({
    principal: 'p',
    action: 'auth.refuse',
    target: '',
    requestId: 'r',
    outcome: 'denied',
    detail: { count: 3, a: 'b' },
  });
  await exchange(store, world.ids, id, { question: 'q', answer: 'a' });
  const database = new DatabaseSync(world.path, { readOnly: true });
  const rows = database.prepare('SELECT * FROM audit ORDER BY seq').all();
  database.close();
  let previous: Uint8Array = GENESIS;
  rows.forEach((row, index) => {
    const { prev_hash, hash, request_id, ...rest } = row;
    expect(rest.seq).toBe(index + 1);
    expect(Buffer.from(prev_hash as Uint8Array)).toEqual(Buffer.from(previous));
    expect(Buffer.from(hash as Uint8Array)).toEqual(linkHash(previous, { ...rest, requestId: request_id } as never));
    previous = hash as Uint8Array;
  });
  expect(rows.map(({ action }) => action)).toEqual([
    'install.create',
    'session.create',
    'turn.accept',
    'auth.refuse',
    'turn.accept',
    'turn.end',
  ]);
  expect(rows[3]?.detail).toBe('{"a":"b","count":3}');
  expect(new Set(rows.map(({ writer }) => writer)).size).toBe(1);
  expect(await store.auditHead()).toEqual({ seq: rows.length, hash: Buffer.from(previous).toString('hex') });
});

test('what is warm and what is read from the data are the same', async () => {
  const warm = await world.store();
  const id = await newSession(warm);
  for (let n = 0; n < 30; n += 1) await exchange(warm, world.ids, id, { question: `q${n}`, answer: `a${n}` });
  const other = await world.store();
  for (const [upto, limit] of [
    [Number.MAX_SAFE_INTEGER, 20],
    [20 * 4096 + 4095, 7],
    [4096, 50],
    [0, 5],
    [Number.MAX_SAFE_INTEGER, 500],
  ] as const) {
    expect(await warm.messages.history(id, upto, limit)).toEqual(await other.messages.history(id, upto, limit));
  }
  const pages: number[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await other.messages.list(id, { limit: 17, ...(cursor ? { cursor } : {}) });
    pages.push(...page.items.map(({ seq }) => seq));
    cursor = page.nextCursor;
  }
  expect(pages).toEqual(Array.from({ length: 60 }, (_, n) => Math.floor(n / 2 + 1) * 4096 + (n % 2)));
});
