import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeCanaries, scanForCanaries } from '../../test/support/canary.ts';
import {
  accepted,
  admin,
  client,
  createStoreWorld,
  ending,
  exchange,
  identitySealer,
  question,
  rejection,
  type StoreWorld,
} from '../../test/support/store-world.ts';
import { AppError } from '../base/errors.ts';
import type { Store } from './store.ts';

let world: StoreWorld;
let store: Store;
beforeEach(async () => {
  world = createStoreWorld();
  store = await world.store();
});
afterEach(() => world.end());

const by = { principal: admin, requestId: 'req_1' };
const create = (more: Partial<Parameters<Store['sessions']['create']>[0]> = {}) =>
  store.sessions.create({ id: world.ids.make('ses'), ...by, ...more });
const codeOf = (error: unknown) => (error instanceof AppError ? error.code : String(error));

test('a session keeps what it was told, and changes only what is changed', async () => {
  const { id } = await create({ title: 'One', user: 'ann@example.org', metadata: { a: 1 } });
  expect(await store.sessions.get(id)).toMatchObject({ title: 'One', user: 'ann@example.org', metadata: { a: 1 } });
  expect(await store.sessions.update(id, by, { title: null })).toMatchObject({ title: null, metadata: { a: 1 } });
  expect(await store.sessions.update(id, by, { metadata: { b: 2 } })).toMatchObject({
    title: null,
    user: 'ann@example.org',
    metadata: { b: 2 },
  });
  await store.close();
  const again = await world.store();
  expect(await again.sessions.get(id)).toMatchObject({ title: null, user: 'ann@example.org', metadata: { b: 2 } });
  expect(codeOf(await rejection(again.sessions.update(world.ids.make('ses'), by, { title: 'x' })))).toBe('not_found');
});

test('changes made at once are all kept, one after the other', async () => {
  const { id } = await create();
  await Promise.all([store.sessions.update(id, by, { title: 'T' }), store.sessions.update(id, by, { metadata: { m: 1 } })]);
  expect(await store.sessions.get(id)).toMatchObject({ title: 'T', metadata: { m: 1 } });
});

test('there is one current session, and none once it is erased', async () => {
  expect(await store.sessions.current()).toBeUndefined();
  const first = await create({ current: true });
  const second = await create();
  expect((await store.sessions.current())?.id).toBe(first.id);
  await store.sessions.update(second.id, by, { current: true });
  expect((await store.sessions.current())?.id).toBe(second.id);
  const id = world.ids.make('ses');
  await accepted(store, question(world.ids, 'hi', { id, create: { current: true } }));
  expect((await store.sessions.current())?.id).toBe(id);
  await store.sessions.erase(id, by);
  expect(await store.sessions.current()).toBeUndefined();
});

test('lists page through sessions, newest first, each owner its own', async () => {
  const made: string[] = [];
  for (let n = 0; n < 5; n += 1) made.push((await create(n === 2 ? { principal: client, title: 'theirs' } : {})).id);
  const seen: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await store.sessions.list({ limit: 2, ...(cursor ? { cursor } : {}) });
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  }
  expect(seen).toEqual([...made].sort().reverse());
  expect((await store.sessions.list({ principal: client.id, limit: 9 })).items.map(({ title }) => title)).toEqual(['theirs']);
});

const secrets = () => {
  const [prompt = '', reply = '', title = '', user = '', metadata = '', options = '', args = '', outcome = '', fallback = ''] =
    makeCanaries(9);
  return { prompt, reply, title, user, metadata, options, args, outcome, fallback };
};

const sightings = (folder: string, say: ReturnType<typeof secrets>) => scanForCanaries(folder, Object.values(say)).sightings;

/** Says every kind of text a session can hold; returns its id. */
async function confide(to: Store, say: ReturnType<typeof secrets>): Promise<string> {
  const id = world.ids.make('ses');
  const session = { id, create: { title: say.title, user: say.user, metadata: { note: say.metadata } } };
  const options = { deadlineMs: 1, onUnavailable: 'fallback' as const, metadata: { of: say.options } };
  const turn = await accepted(to, question(world.ids, say.prompt, session, { options }));
  const usage = { inputTokens: 0, outputTokens: 0 };
  await to.turns.asked({ turn, step: 1, parts: [{ type: 'call', callId: say.args, name: 'sum', args: [say.args] }], model: 'm', usage });
  await to.turns.told({ turn, step: 1, results: [{ type: 'result', callId: say.args, name: 'sum', outcome: 'ok', value: say.outcome }] });
  await to.turns.commit(ending(turn, say.reply, { status: 'degraded', incomplete: true, fallback: say.fallback }));
  for (let n = 0; n < 50; n += 1) await exchange(to, world.ids, id, { question: `${n} ${say.prompt}`, answer: say.reply.repeat(300) });
  await to.sessions.update(id, by, { title: `${say.title} again` });
  return id;
}

test('nothing anybody said is on disk in clear, in any encoding; a sealer that does nothing shows all of it', {
  timeout: 60_000,
}, async () => {
  const say = secrets();
  await confide(store, say);
  expect(sightings(world.folder, say)).toEqual([]);
  await store.close();
  expect(sightings(world.folder, say)).toEqual([]);

  const other = createStoreWorld();
  const open = await other.store({ sealer: identitySealer });
  await confide(open, say);
  const shown = new Set(sightings(other.folder, say).map(({ canary }) => canary));
  expect(shown).toEqual(new Set(Object.values(say)));
  await other.end();
});

test('erasing a session removes its key, its rows and every trace of its text, even where nothing was sealed', {
  timeout: 60_000,
}, async () => {
  const other = createStoreWorld();
  const open = await other.store({ sealer: identitySealer });
  const [gone, kept] = [secrets(), secrets()];
  const id = await confide(open, gone);
  const neighbour = await confide(open, kept);
  const idempotency = { key: 'k', body: 'b' };
  const turn = await accepted(open, question(world.ids, gone.prompt, { id }, { idempotency }));
  const before = await open.counts();
  await open.sessions.erase(id, by);

  expect(sightings(other.folder, gone)).toEqual([]);
  expect(new Set(sightings(other.folder, kept).map(({ canary }) => canary)).size).toBe(9);
  expect(await open.sessions.get(id)).toBeUndefined();
  expect(await open.turns.get(turn.id)).toBeUndefined();
  expect(await open.turns.known(admin, idempotency)).toBeUndefined();
  expect(await open.messages.history(id, Number.MAX_SAFE_INTEGER, 10)).toEqual({ messages: [], damaged: 0 });
  expect(codeOf(await rejection(open.turns.commit(ending(turn, 'too late'))))).toBe('conflict');
  expect(codeOf(await rejection(open.turns.accept(question(world.ids, 'x', { id }))))).toBe('not_found');
  expect(codeOf(await rejection(open.sessions.erase(id, by)))).toBe('not_found');
  expect(await open.counts()).toEqual({ sessions: before.sessions - 1, turns: before.turns - 52, messages: before.messages - 106 });
  expect((await open.sessions.get(neighbour))?.title).toBe(`${kept.title} again`);
  const database = other.database();
  for (const table of ['session_keys', 'messages', 'turns', 'sessions']) {
    const column = table === 'sessions' ? 'id' : 'session_id';
    expect(await database.read(`SELECT COUNT(*) AS n FROM ${table} WHERE ${column} = ?`, [id])).toEqual([{ n: 0 }]);
  }
  expect(await database.read(`SELECT action, outcome, detail FROM audit WHERE target = ?`, [id])).toEqual([
    { action: 'session.create', outcome: 'ok', detail: '' },
    { action: 'session.update', outcome: 'ok', detail: '' },
    { action: 'session.delete', outcome: 'ok', detail: '{"messages":106,"turns":52}' },
  ]);
  await other.end();
});

test('a commit that is under way while its session is erased leaves nothing behind', async () => {
  const turns = await Promise.all(
    Array.from({ length: 20 }, () => accepted(store, question(world.ids, 'q', { id: world.ids.make('ses'), create: {} }))),
  );
  await Promise.allSettled(
    turns.flatMap((turn) => [
      store.sessions.erase(turn.sessionId, by),
      store.turns.commit(ending(turn, 'a')),
      store.sessions.update(turn.sessionId, by, { title: 't' }),
    ]),
  );
  const database = world.database();
  for (const table of ['sessions', 'session_keys', 'turns', 'messages', 'steps']) {
    expect(await database.read(`SELECT COUNT(*) AS n FROM ${table}`)).toEqual([{ n: 0 }]);
  }
});

test('what another made is not there for who asks as its owner, damaged or not', async () => {
  const id = world.ids.make('ses');
  await store.sessions.create({ id, principal: client, requestId: 'r1' });
  const turn = await exchange(store, world.ids, id, { question: 'q', answer: 'a' });
  expect([(await store.sessions.get(id, client.id))?.id, await store.sessions.get(id, 'key_other')]).toEqual([id, undefined]);
  expect([(await store.turns.get(turn.id, turn.principal))?.id, await store.turns.get(turn.id, 'key_other')]).toEqual([turn.id, undefined]);
});
