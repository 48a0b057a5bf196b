import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  accepted,
  admin,
  client,
  createStoreWorld,
  ending,
  exchange,
  question,
  rejection,
  type StoreWorld,
} from '../../test/support/store-world.ts';
import { AppError } from '../base/errors.ts';
import type { CallPart, Part, ResultPart } from '../contract/message.ts';
import { type Accepted, SLOT, type Store, type StoredTurn } from './store.ts';

let world: StoreWorld;
let store: Store;
beforeEach(async () => {
  world = createStoreWorld();
  store = await world.store();
});
afterEach(() => world.end());

const codeOf = (error: unknown) => (error instanceof AppError ? error.code : String(error));
const newSession = async () => (await store.sessions.create({ id: world.ids.make('ses'), principal: admin, requestId: 'req_1' })).id;
const ask = (sessionId: string, text: string) => accepted(store, question(world.ids, text, { id: sessionId }));
const call = (callId: string): CallPart => ({ type: 'call', callId, name: 'sum', args: { a: 1 }, signature: 'sig', signedBy: 'gemini' });
const result = (callId: string): ResultPart => ({ type: 'result', callId, name: 'sum', outcome: 'ok', value: { total: 2 } });
const text = (said: string): Part => ({ type: 'text', text: said });

function rows(sql: string): Record<string, unknown>[] {
  const database = new DatabaseSync(world.path, { readOnly: true });
  const found = database.prepare(sql).all();
  database.close();
  return found;
}

test('an accepted turn is whole when it is read again, by this process and by the next', async () => {
  const id = world.ids.make('ses');
  const options = { deadlineMs: 1234, onUnavailable: 'wait' as const, model: 'demo', metadata: { a: ['ü'] } };
  const turn = await accepted(
    store,
    question(world.ids, 'Hello!', { id, create: { user: 'ann', title: 'T', metadata: { k: 1 } } }, { options }),
  );
  expect(turn).toMatchObject({
    sessionId: id,
    no: 1,
    anchor: 1,
    status: 'queued',
    attempt: 1,
    recoveries: 0,
    principal: admin.id,
    options,
  });
  expect(await store.turns.get(turn.id)).toEqual(turn);
  await store.close();
  const next = await world.store();
  expect(await next.turns.get(turn.id)).toEqual(turn);
  expect(await next.turns.open()).toEqual([turn]);
  expect(await next.sessions.get(id)).toMatchObject({ user: 'ann', title: 'T', metadata: { k: 1 }, messageCount: 1, turnCount: 1 });
});

test('a session that is not there is not found, and a client does not see that of another', async () => {
  const absent = await rejection(store.turns.accept(question(world.ids, 'hi', { id: world.ids.make('ses') })));
  const foreign = await rejection(store.turns.accept(question(world.ids, 'hi', { id: await newSession() }, { principal: client })));
  expect([codeOf(absent), codeOf(foreign)]).toEqual(['not_found', 'not_found']);
});

test('many messages accepted at once in one session get places without a gap or a double', async () => {
  const id = await newSession();
  const turns = await Promise.all(Array.from({ length: 100 }, (_, n) => ask(id, `m${n}`)));
  expect(turns.map((turn) => turn.no)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
  const { messages } = await store.messages.history(id, Number.MAX_SAFE_INTEGER, 100);
  expect(messages.map(({ parts }) => parts[0])).toEqual(turns.map((_, n) => text(`m${n}`)));
  expect(await store.sessions.get(id)).toMatchObject({ messageCount: 100, turnCount: 100 });
});

test('a turn is committed exactly once, whoever tries and however often', async () => {
  const turn = await ask(await newSession(), 'q');
  const tries = await Promise.allSettled(Array.from({ length: 10 }, (_, n) => store.turns.commit(ending(turn, `answer ${n}`))));
  expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const each of tries) if (each.status === 'rejected') expect(codeOf(each.reason)).toBe('conflict');
  const stored = await store.turns.get(turn.id);
  expect(stored).toMatchObject({ status: 'completed', model: 'demo/demo', usage: { inputTokens: 11, outputTokens: 7 } });
  expect(await store.turns.texts(stored as StoredTurn)).toEqual({ reply: 'answer 0', incomplete: false, fallback: null });
  expect(await store.turns.trace(turn)).toMatchObject({ steps: ending(turn, '').record.steps });
  expect(rows(`SELECT COUNT(*) AS n FROM messages WHERE role = 'assistant'`)).toEqual([{ n: 1 }]);
  expect(rows(`SELECT action, outcome FROM audit WHERE target = '${turn.id}' ORDER BY seq`)).toEqual([
    { action: 'turn.accept', outcome: 'ok' },
    { action: 'turn.end', outcome: 'completed' },
  ]);
});

test('a fallback is kept apart: shown with the turn, never in the history', async () => {
  const id = await newSession();
  const turn = await ask(id, 'q');
  const ended = await store.turns.commit(
    ending(turn, 'half a', { status: 'degraded', reason: 'incomplete', incomplete: true, fallback: 'Sorry.' }),
  );
  expect(ended).toMatchObject({ status: 'degraded', reason: 'incomplete' });
  expect(await store.turns.texts(ended)).toEqual({ reply: 'half a', incomplete: true, fallback: 'Sorry.' });
  const pure = await store.turns.commit(ending(await ask(id, 'q2'), '', { status: 'degraded', reason: 'deadline', fallback: 'No.' }));
  expect(await store.turns.texts(pure)).toEqual({ reply: null, incomplete: false, fallback: 'No.' });
  const { messages } = await store.messages.history(id, Number.MAX_SAFE_INTEGER, 50);
  expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
  const { items } = await store.messages.list(id, { limit: 50 });
  expect(items.map(({ role, incomplete }) => [role, incomplete])).toEqual([
    ['user', false],
    ['assistant', true],
    ['fallback', false],
    ['user', false],
    ['fallback', false],
  ]);
});

test('steps with tools are durable before and after the tools, and the record replaces their ledger', async () => {
  const id = await newSession();
  const turn = await ask(id, 'q');
  const asked = [text('Let me see.'), call('c1'), call('c2')];
  await store.turns.asked({ turn, step: 1, parts: asked, model: 'demo/demo', usage: { inputTokens: 5, outputTokens: 1 } });
  expect(await store.turns.steps(turn)).toEqual([{ step: 1, parts: asked }]);
  expect(rows(`SELECT kind, name, outcome FROM steps`)).toEqual([{ kind: 'tools', name: 'sum,sum', outcome: 'started' }]);
  const results = [result('c1'), result('c2')];
  await store.turns.told({ turn, step: 1, results });
  expect(await store.turns.steps(turn)).toEqual([{ step: 1, parts: asked, results }]);
  expect(codeOf(await rejection(store.turns.told({ turn, step: 1, results })))).toBe('storage_unavailable');
  expect(codeOf(await rejection(store.turns.told({ turn, step: 2, results })))).toBe('storage_unavailable');
  await store.turns.asked({ turn, step: 2, parts: [call('c3')], model: 'demo/demo', usage: { inputTokens: 5, outputTokens: 1 } });
  expect(await store.turns.get(turn.id)).toMatchObject({ status: 'running', usage: { inputTokens: 10, outputTokens: 2 } });
  const tool = { kind: 'tool' as const, name: 'sum', callId: 'c1', outcome: 'unknown' as const, ms: 4 };
  const model = { kind: 'model' as const, attempts: [{ provider: 'p', model: 'm', code: 'ok', ms: 2 }], ms: 2 };
  const { record } = ending(turn, 'It is 2.');
  const ended = await store.turns.commit(ending(turn, 'It is 2.', { record: { ...record, steps: [model, tool, model] } }));
  expect(await store.turns.trace(ended)).toMatchObject({ totalMs: record.totalMs, steps: [model, tool, model] });
  expect(await store.turns.texts(ended)).toMatchObject({ reply: 'Let me see.\n\nIt is 2.' });
  const { messages } = await store.messages.history(id, Number.MAX_SAFE_INTEGER, 50);
  expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant', 'assistant']);
  expect(codeOf(await rejection(store.turns.asked({ turn, step: 3, parts: [call('c4')], model: 'm', usage: record.usage })))).toBe(
    'conflict',
  );
});

test('asked and told may be under way together', async () => {
  const turn = await ask(await newSession(), 'q');
  const usage = { inputTokens: 0, outputTokens: 0 };
  await Promise.all([
    store.turns.asked({ turn, step: 1, parts: [call('c1')], model: 'm', usage }),
    store.turns.told({ turn, step: 1, results: [result('c1')] }),
  ]);
  expect(await store.turns.steps(turn)).toEqual([{ step: 1, parts: [call('c1')], results: [result('c1')] }]);
});

test('a retry stands under the question it answers again', async () => {
  const id = await newSession();
  const first = await store.turns.commit(ending(await ask(id, 'q1'), '', { status: 'degraded', reason: 'deadline', fallback: 'No.' }));
  await exchange(store, world.ids, id, { question: 'q2', answer: 'a2' });
  const retry = await accepted(store, { ...question(world.ids, 'ignored', { id }), retryOf: first });
  expect(retry).toMatchObject({ no: 3, anchor: 1, retryOf: first.id });
  const ended = await store.turns.commit(ending(retry, 'a1'));
  expect(await store.turns.texts(ended)).toEqual({ reply: 'a1', incomplete: false, fallback: null });
  const { messages } = await store.messages.history(id, Number.MAX_SAFE_INTEGER, 50);
  expect(messages.map(({ seq, parts }) => [seq, parts[0]])).toEqual([
    [SLOT, text('q1')],
    [SLOT + 2, text('a1')],
    [2 * SLOT, text('q2')],
    [2 * SLOT + 1, text('a2')],
  ]);
});

test('one key used by fifty at once is stored once, and answers a later use with the same turn', async () => {
  const id = await newSession();
  const used = { key: 'k1', body: '{"message":"hi"}' };
  const results = await Promise.all(
    Array.from({ length: 50 }, () => store.turns.accept(question(world.ids, 'hi', { id }, { idempotency: used }))),
  );
  const first = results.filter((each) => each.kind === 'accepted');
  expect(first).toHaveLength(1);
  const turnId = (first[0] as Accepted & { kind: 'accepted' }).turn.id;
  for (const each of results) if (each.kind === 'known') expect(each).toEqual({ kind: 'known', turnId, sameBody: true });
  expect(rows('SELECT COUNT(*) AS n FROM turns')).toEqual([{ n: 1 }]);
  expect(await store.sessions.get(id)).toMatchObject({ messageCount: 1, turnCount: 1 });
  const other = await store.turns.accept(question(world.ids, 'ho', { id }, { idempotency: { key: 'k1', body: 'other' } }));
  expect(other).toEqual({ kind: 'known', turnId, sameBody: false });
  expect(await store.turns.known(admin, used)).toEqual({ turnId, sameBody: true });
  expect(await store.turns.known(client, used)).toBeUndefined();
  const mine = await store.turns.accept(
    question(world.ids, 'hi', { id: world.ids.make('ses'), create: {} }, { principal: client, idempotency: used }),
  );
  expect(mine.kind).toBe('accepted');
});

test('a new session with a racing key is made once', async () => {
  const used = { key: 'k', body: 'b' };
  const accept = () => store.turns.accept(question(world.ids, 'hi', { id: world.ids.make('ses'), create: {} }, { idempotency: used }));
  const results = await Promise.all(Array.from({ length: 20 }, accept));
  expect(results.filter(({ kind }) => kind === 'accepted')).toHaveLength(1);
  expect(rows('SELECT COUNT(*) AS n FROM sessions')).toEqual([{ n: 1 }]);
  expect(rows('SELECT COUNT(*) AS n FROM session_keys')).toEqual([{ n: 1 }]);
});

test('another process that takes a session over ends the right of the first to write it', async () => {
  const id = await newSession();
  const turn = await ask(id, 'from the first');
  const other = await world.store();
  const reopened = await other.turns.reopen(turn);
  expect(reopened).toMatchObject({ recoveries: 1, attempt: 2 });
  const refused = await Promise.all([
    rejection(store.turns.commit(ending(turn, 'from the first'))),
    rejection(store.turns.asked({ turn, step: 1, parts: [call('c')], model: 'm', usage: { inputTokens: 0, outputTokens: 0 } })),
  ]);
  expect(refused.map(codeOf)).toEqual(['conflict', 'conflict']);
  await other.turns.commit(ending(reopened, 'from the other'));
  expect(await other.turns.texts((await other.turns.get(turn.id)) as StoredTurn)).toMatchObject({ reply: 'from the other' });
  expect(rows('SELECT epoch FROM sessions')).toEqual([{ epoch: 2 }]);
  // A message that starts work takes the session back, and goes on after what the other wrote.
  const next = await ask(id, 'again');
  expect(next.no).toBe(2);
  const { messages } = await store.messages.history(id, Number.MAX_SAFE_INTEGER, 10);
  expect(messages.map(({ parts }) => parts[0])).toEqual([text('from the first'), text('from the other'), text('again')].slice(0, 3));
  expect(rows('SELECT session_id, seq, COUNT(*) AS n FROM messages GROUP BY session_id, seq HAVING n > 1')).toEqual([]);
});

test('a warm session that was taken over is refused once and never written with the old epoch', async () => {
  const id = await newSession();
  await ask(id, 'first');
  const other = await world.store();
  await accepted(other, question(world.ids, 'second', { id }));
  expect(codeOf(await rejection(ask(id, 'third')))).toBe('conflict');
  expect((await ask(id, 'fourth')).no).toBe(3);
});

test('a write that fails costs only itself: those behind it in the session find their places again', async () => {
  const id = await newSession();
  await store.close();
  const database = world.database();
  const failing = new Set([0, 1, 30]);
  let writes = 0;
  const faulty = {
    ...database,
    write(unit: Parameters<typeof database.write>[0]) {
      const fails = failing.has(writes);
      writes += 1;
      return fails ? Promise.reject(new AppError('storage_unavailable')) : database.write(unit);
    },
  };
  const next = await world.store({ database: faulty });
  const first = Array.from({ length: 50 }, (_, n) => accepted(next, question(world.ids, `m${n}`, { id })));
  await first[0]?.catch(() => undefined);
  // The lease is dropped now, and writes under it are still under way: what comes next waits for them.
  const results = await Promise.allSettled([...first, accepted(next, question(world.ids, 'later', { id }))]);
  const turns = results.filter((each) => each.status === 'fulfilled').map(({ value }) => value);
  const refused = results.filter((each) => each.status === 'rejected').map(({ reason }) => codeOf(reason));
  expect(refused).toEqual(['storage_unavailable', 'storage_unavailable', 'storage_unavailable']);
  expect(new Set(turns.map(({ no }) => no)).size).toBe(48);
  await Promise.all(turns.map((turn) => next.turns.commit(ending(turn, `a${turn.no}`))));
  expect(rows('SELECT status, COUNT(*) AS n FROM turns GROUP BY status')).toEqual([{ status: 'completed', n: 48 }]);
  expect(rows('SELECT COUNT(*) AS n, COUNT(DISTINCT seq) AS seqs FROM messages')).toEqual([{ n: 96, seqs: 96 }]);
  expect(rows('SELECT epoch FROM sessions')).toEqual([{ epoch: 2 }]);
});

test('a recovered turn is open once more only while it is open', async () => {
  const turn = await ask(await newSession(), 'q');
  const once = await store.turns.reopen(turn);
  const twice = await store.turns.reopen(once);
  expect(await store.turns.get(turn.id)).toEqual(twice);
  expect(twice).toMatchObject({ recoveries: 2, attempt: 3 });
  await store.turns.commit(ending(twice, 'a'));
  expect(codeOf(await rejection(store.turns.reopen(twice)))).toBe('conflict');
});

test('lists page through turns, newest first, by session, owner and state', async () => {
  const [one, two] = [await newSession(), await newSession()];
  const made: StoredTurn[] = [];
  for (let n = 0; n < 7; n += 1) made.push(await ask(n % 2 === 0 ? one : two, `q${n}`));
  const failed = await store.turns.commit(ending(made[2] as StoredTurn, '', { status: 'failed', reason: 'internal' }));
  const all: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await store.turns.list({ limit: 3, ...(cursor ? { cursor } : {}) });
    all.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  }
  expect(all).toEqual(
    made
      .map(({ id }) => id)
      .sort()
      .reverse(),
  );
  const inOne = await store.turns.list({ sessionId: one, limit: 2 });
  expect(inOne.items.map(({ no }) => no)).toEqual([4, 3]);
  expect((await store.turns.list({ sessionId: one, limit: 2, cursor: inOne.nextCursor ?? '' })).items.map(({ no }) => no)).toEqual([2, 1]);
  expect((await store.turns.list({ status: 'failed', limit: 10 })).items).toEqual([failed]);
  expect((await store.turns.list({ principal: client.id, limit: 10 })).items).toEqual([]);
  expect((await store.turns.list({ principal: admin.id, status: 'queued', limit: 10 })).items).toHaveLength(6);
  expect(codeOf(await rejection(store.turns.list({ limit: 1, cursor: "'; DROP" })))).toBe('invalid_request');
});

test('lists narrow down to a reason, a model and a time, a page at a time', async () => {
  const id = await newSession();
  for (let n = 0; n < 6; n += 1) {
    const turn = await ask(id, `q${n}`);
    const end = n % 2 === 0 ? { reason: 'deadline' as const, status: 'degraded' as const, fallback: 'No.' } : {};
    await store.turns.commit(ending(turn, n % 2 === 0 ? '' : 'a', end));
  }
  const all = (await store.turns.list({ limit: 10 })).items;
  const late = await store.turns.list({ reason: 'deadline', limit: 2 });
  expect(late.items.map(({ no }) => no)).toEqual([5, 3]);
  expect((await store.turns.list({ reason: 'deadline', limit: 2, cursor: late.nextCursor ?? '' })).items.map(({ no }) => no)).toEqual([1]);
  const model = all.find((turn) => turn.status === 'completed')?.model ?? '';
  expect((await store.turns.list({ model, limit: 10 })).items.every((turn) => turn.model === model)).toBe(true);
  expect(await store.turns.list({ model: 'none/none', limit: 10 })).toEqual({ items: [], nextCursor: null });
  const at = all[3]?.createdAt ?? 0;
  expect((await store.turns.list({ since: at, limit: 10 })).items).toEqual(all.filter(({ createdAt }) => createdAt >= at));
  expect((await store.turns.list({ until: at, limit: 10 })).items).toEqual(all.filter(({ createdAt }) => createdAt < at));
});

test('accepted is terminal plus open at any time, counted in memory as in the data', async () => {
  const id = await newSession();
  const before = await store.turns.counts();
  expect(before.accepted).toBe(0);
  const turns = await Promise.all(Array.from({ length: 6 }, () => ask(id, 'q')));
  const [a, b, c, d] = turns as [StoredTurn, StoredTurn, StoredTurn, StoredTurn];
  await store.turns.asked({ turn: d, step: 1, parts: [call('c')], model: 'm', usage: { inputTokens: 0, outputTokens: 0 } });
  await store.turns.commit(ending(a, 'x'));
  await store.turns.commit(ending(b, '', { status: 'degraded', fallback: 'f' }));
  await store.turns.commit(ending(c, '', { status: 'cancelled', reason: 'caller' }));
  const expected = { accepted: 6, byStatus: { queued: 2, running: 1, completed: 1, degraded: 1, failed: 0, cancelled: 1 } };
  expect(await store.turns.counts()).toEqual(expected);
  expect(await store.counts()).toEqual({ sessions: 1, turns: 6, messages: 9 });
  const other = await world.store();
  expect(await other.turns.counts()).toEqual(expected);
  expect(await other.counts()).toEqual({ sessions: 1, turns: 6, messages: 9 });
});

test('the hot path stays within its statements', async () => {
  const database = world.database();
  const sizes: number[] = [];
  const counting = {
    ...database,
    write(unit: Parameters<typeof database.write>[0]) {
      sizes.push(unit.statements.length);
      return database.write(unit);
    },
  };
  const counted = await world.store({ database: counting });
  const turn = await accepted(counted, question(world.ids, 'q', { id: world.ids.make('ses'), create: {} }));
  await counted.turns.commit(ending(turn, 'a'));
  const next = await accepted(counted, question(world.ids, 'q', { id: turn.sessionId }, { idempotency: { key: 'k', body: 'b' } }));
  await counted.turns.commit(ending(next, 'a'));
  expect(sizes.slice(-4)).toEqual([4, 4, 4, 4]);
});
