import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  accepted,
  admin,
  createStoreWorld,
  ending,
  exchange,
  question,
  rejection,
  type StoreWorld,
} from '../../test/support/store-world.ts';
import { AppError } from '../base/errors.ts';
import { type LogFields, silentLogger } from '../base/log.ts';
import type { Store } from './store.ts';

let world: StoreWorld;
let lines: (LogFields & { event: string })[];
beforeEach(() => {
  lines = [];
  world = createStoreWorld({ log: { ...silentLogger, error: (event, fields) => void lines.push({ event, ...fields }) } });
});
afterEach(() => world.end());

const newSession = async (store: Store) =>
  (await store.sessions.create({ id: world.ids.make('ses'), principal: admin, requestId: 'r', title: 't' })).id;
const internal = (sentence: string) => expect.objectContaining({ code: 'internal', message: sentence });
const damaged = () => lines.filter(({ event }) => event === 'record.damaged');

/** Writes into the file behind the store's back, as a damaged disk or an attacker would. */
function tamper(sql: string, ...values: (string | number | bigint | Uint8Array)[]): void {
  const database = new DatabaseSync(world.path);
  expect(database.prepare(sql).run(...values).changes).toBeGreaterThan(0);
  database.close();
}

const TOO_BIG = 2n ** 60n;

test.each([
  ['status', 'lost'],
  ['created_at', 9e15],
  ['completed_at', 9e15],
  ['output_tokens', TOO_BIG],
  ['created_at', TOO_BIG],
  ['anchor', TOO_BIG],
  ['no', TOO_BIG],
] as const)('a turn whose %s is %s costs only itself', async (column, value) => {
  const store = await world.store();
  const id = await newSession(store);
  const turns = [];
  for (const n of [1, 2, 3]) turns.push(await exchange(store, world.ids, id, { question: `q${n}`, answer: `a${n}` }));
  const [first, bad, last] = turns.map((turn) => turn.id) as [string, string, string];
  tamper(`UPDATE turns SET ${column} = ? WHERE id = ?`, value, bad);
  for (const query of [{}, { sessionId: id }]) {
    const found: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await store.turns.list({ ...query, limit: 1, ...(cursor ? { cursor } : {}) });
      found.push(...page.items.map((turn) => turn.id));
      cursor = page.nextCursor;
    }
    expect(found).toEqual([last, first]);
  }
  expect(damaged()[0]).toMatchObject({ part: 'turns', code: bad });
  expect(lines).toContainEqual({ event: 'records.left_out', part: 'turns', count: 1 });
  expect(await rejection(store.turns.get(bad))).toEqual(internal('This record is damaged.'));
  expect((await store.turns.get(last))?.id).toBe(last);
  expect((await store.turns.counts()).accepted).toBe(3);
});

test.each([
  ['created_at', 9e15],
  ['input_tokens', TOO_BIG],
  ['completed_at', TOO_BIG],
  ['options_sealed', new Uint8Array(3)],
] as const)('an open turn whose %s is %s does not stand in the way of a start', async (column, value) => {
  const store = await world.store();
  const id = await newSession(store);
  const bad = await accepted(store, question(world.ids, 'q1', { id }));
  const good = await accepted(store, question(world.ids, 'q2', { id }));
  await store.close();
  tamper(`UPDATE turns SET ${column} = ? WHERE id = ?`, value, bad.id);
  const open = (await (await world.store()).turns.open()).map((turn) => turn.id);
  // Lost options are no lost turn: it still is ended.
  expect(open).toEqual(column === 'options_sealed' ? [bad.id, good.id] : [good.id]);
});

test.each([
  ['created_at', 9e15],
  ['updated_at', TOO_BIG],
  ['message_count', TOO_BIG],
] as const)('a session whose %s is %s costs only itself', async (column, value) => {
  const store = await world.store();
  const [first, bad, last] = [await newSession(store), await newSession(store), await newSession(store)];
  await store.sessions.update(bad, { principal: admin, requestId: 'r' }, { current: true });
  await store.close();
  tamper(`UPDATE sessions SET ${column} = ? WHERE id = ?`, value, bad);
  const again = await world.store();
  const found: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await again.sessions.list({ limit: 1, ...(cursor ? { cursor } : {}) });
    found.push(...page.items.map((session) => session.id));
    cursor = page.nextCursor;
  }
  expect(found).toEqual([last, first]);
  expect(damaged()[0]).toMatchObject({ part: 'sessions', code: bad });
  expect(await rejection(again.sessions.get(bad))).toBeInstanceOf(AppError);
  expect((await again.sessions.get(last))?.title).toBe('t');
  expect(await again.sessions.current()).toBeUndefined();
  expect(await again.counts()).toMatchObject({ sessions: 3 });
});

const REPLY_DAMAGED = 'The stored reply of this turn is damaged.';
const seqs = (messages: { seq: number }[]) => messages.map(({ seq }) => seq);

test.each([
  ['content_sealed', new Uint8Array(60)],
  ['created_at', TOO_BIG],
  ['role', 'user'],
  ['role', 'fallback'],
  ['role', 'tool'],
  ['turn_id', 'trn_00000000000000000000000000'],
  ['incomplete', 1],
  ['step', 1],
  ['incomplete', 2],
] as const)('an answer whose %s is changed is damaged: left out, counted and never told', async (column, value) => {
  const store = await world.store();
  const id = await newSession(store);
  const [bad, good] = [
    await exchange(store, world.ids, id, { question: 'q1', answer: 'a1' }),
    await exchange(store, world.ids, id, { question: 'q2', answer: 'a2' }),
  ];
  await store.close();
  tamper(`UPDATE messages SET ${column} = ? WHERE session_id = ? AND seq = 4097`, value, id);
  const again = await world.store();
  expect(await rejection(again.turns.texts(bad))).toEqual(internal(REPLY_DAMAGED));
  expect(await again.turns.texts(good)).toMatchObject({ reply: 'a2' });
  lines.length = 0;
  expect(seqs((await again.messages.list(id, { limit: 9 })).items)).toEqual([4096, 8192, 8193]);
  expect(damaged()).toHaveLength(1);
  expect(damaged()[0]?.part).toMatch(/^messages/);
  const cold = await again.messages.history(id, Number.MAX_SAFE_INTEGER, 9);
  expect([seqs(cold.messages), cold.damaged]).toEqual([[4096, 8192, 8193], 1]);
});

test("a question passed off as the agent's words or as nobody's is damaged, and counted where it is missed", async () => {
  const store = await world.store();
  const id = await newSession(store);
  await exchange(store, world.ids, id, { question: 'q1', answer: 'a1' });
  const open = await accepted(store, question(world.ids, 'q2', { id }));
  await store.close();
  for (const role of ['assistant', 'fallback', 'system']) {
    tamper('UPDATE messages SET role = ? WHERE session_id = ? AND seq = 8192', role, id);
    const again = await world.store();
    const cold = await again.messages.history(id, open.anchor * 4096 + 4095, 9);
    expect([seqs(cold.messages), cold.damaged]).toEqual([[4096, 4097], 1]);
    await again.turns.reopen(open);
    const recovered = await again.messages.history(id, open.anchor * 4096 + 4095, 9);
    expect([seqs(recovered.messages), recovered.damaged]).toEqual([[4096, 4097], 1]);
    await again.close();
  }
});

test('a damaged question does not take the answer of a retry with it, nor a damaged answer that of another try', async () => {
  const store = await world.store();
  const id = await newSession(store);
  const first = await store.turns.commit(
    ending(await accepted(store, question(world.ids, 'q', { id })), '', { status: 'failed', reason: 'internal', fallback: 'Sorry.' }),
  );
  const retry = await accepted(store, question(world.ids, '', { id }, { retryOf: first }));
  await store.turns.commit(ending(retry, 'second'));
  tamper('UPDATE messages SET content_sealed = zeroblob(60) WHERE session_id = ? AND turn_id = ?', id, first.id);
  expect(await rejection(store.turns.texts(first))).toEqual(internal(REPLY_DAMAGED));
  expect(await store.turns.texts(retry)).toMatchObject({ reply: 'second' });
});

test('fallbacks take no place in what a model may see, however many there are', async () => {
  const store = await world.store();
  const id = await newSession(store);
  await exchange(store, world.ids, id, { question: 'q1', answer: 'a1' });
  for (let n = 0; n < 20; n += 1) {
    const turn = await accepted(store, question(world.ids, `x${n}`, { id }));
    await store.turns.commit(ending(turn, '', { status: 'degraded', reason: 'deadline', fallback: 'No.' }));
  }
  await store.close();
  const { messages, damaged: none } = await (await world.store()).messages.history(id, Number.MAX_SAFE_INTEGER, 22);
  expect([messages.length, messages[0]?.parts, none]).toEqual([22, [{ type: 'text', text: 'q1' }], 0]);
  expect(messages.every(({ role }) => (role as string) !== 'fallback')).toBe(true);
});

test.each([
  ['hash', 'hash', new Uint8Array(3)],
  ['hash', 'empty hash', new Uint8Array(0)],
  ['seq', 'place', TOO_BIG],
  ['seq', 'place', 2n ** 53n - 1n],
] as const)('a damaged %s of the last audit row (%s): health says so before anything is written, and after', async (column, _, value) => {
  let store = await world.store();
  const id = await newSession(store);
  await store.close();
  const database = new DatabaseSync(world.path, { readOnly: true });
  const [last] = database.prepare('SELECT hash, seq FROM audit ORDER BY seq DESC LIMIT 1').all();
  database.close();
  const damage = () => tamper(`UPDATE audit SET ${column} = ? WHERE seq = (SELECT MAX(seq) FROM audit)`, value);
  const unwritable = { writable: false, reason: 'audit chain damaged' };
  damage();
  store = await world.store();
  expect(store.health()).toMatchObject(unwritable);
  expect((await store.sessions.get(id))?.title).toBe('t');
  const refusal = await rejection(store.turns.accept(question(world.ids, 'q', { id })));
  expect(refusal).toMatchObject({ code: 'storage_unavailable' });
  expect(store.health()).toMatchObject(unwritable);
  // Mended behind its back, it comes round by itself.
  tamper(`UPDATE audit SET ${column} = ? WHERE seq = (SELECT MAX(seq) FROM audit)`, last?.[column] as number | Uint8Array);
  await store.auditHead();
  await expect.poll(() => store.health().writable, { timeout: 5_000 }).toBe(true);
  await accepted(store, question(world.ids, 'q', { id }));
  // Damaged while it runs, the writer notices with the next write.
  damage();
  expect(await rejection(store.turns.accept(question(world.ids, 'q', { id })))).toMatchObject({ code: 'storage_unavailable' });
  expect(store.health()).toMatchObject(unwritable);
});
