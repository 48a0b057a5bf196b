import { describe, expect, test } from 'vitest';
import { asAdmin, asLocal, createWorld } from '../../test/support/http-world.ts';

const headers = asAdmin;

async function sessions(count: number) {
  const world = createWorld();
  const ids: string[] = [];
  for (let i = 0; i < count; i++)
    ids.unshift((await (await world.call('POST /v1/sessions', { headers, body: { title: `s${i}` } })).json()).id);
  return { ...world, ids };
}

describe('sessions', () => {
  test('are made, shown, changed and erased', async () => {
    const { call } = createWorld();
    const made = await call('POST /v1/sessions', {
      headers,
      body: { title: 'Träume', user: 'u1', metadata: { a: [null, 1.5] }, current: true },
    });
    const { id } = await made.json();
    expect([made.status, made.headers.get('location')]).toEqual([201, `/v1/sessions/${id}`]);
    const shown = await (await call(`GET /v1/sessions/${id}`, { headers })).json();
    expect(shown).toMatchObject({ id, title: 'Träume', user: 'u1', metadata: { a: [null, 1.5] }, current: true, messageCount: 0 });
    const changed = await (await call(`PATCH /v1/sessions/${id}`, { headers, body: { title: null } })).json();
    expect(changed).toMatchObject({ title: null, metadata: { a: [null, 1.5] } });
    const erased = await call(`DELETE /v1/sessions/${id}`, { headers });
    expect([erased.status, await erased.json()]).toEqual([200, { id, erasure: 'complete' }]);
    for (const line of [`GET /v1/sessions/${id}`, `DELETE /v1/sessions/${id}`, `GET /v1/sessions/${id}/messages`])
      expect((await call(line, { headers })).status, line).toBe(404);
  });

  test('are listed in pages that follow each other without gap', async () => {
    const { call, ids } = await sessions(7);
    const got: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await (await call(`GET /v1/sessions?limit=3${cursor && `&cursor=${cursor}`}`, { headers })).json();
      got.push(...page.data.map(({ id }) => id));
      expect(page).toHaveProperty('hasMore', page.nextCursor !== null);
      cursor = page.nextCursor;
    }
    expect(got).toEqual(ids);
  });

  test('one is current, in the list too', async () => {
    const { call, ids } = await sessions(3);
    await call(`PATCH /v1/sessions/${ids[1]}`, { headers, body: { current: true } });
    const { data } = await (await call('GET /v1/sessions', { headers })).json();
    expect(data.map((session) => (session as unknown as { current: boolean }).current)).toEqual([false, true, false]);
  });

  test('read by another than their maker leave a row, and can be read when no row can be written', async () => {
    const { call, ids, store } = await sessions(1);
    const line = `GET /v1/sessions/${ids[0]}/messages`;
    await call(line, { headers });
    expect(store.auditRows).toEqual([]);
    const reader = { headers: asLocal, peer: '127.0.0.1' };
    expect((await call(line, reader)).status).toBe(200);
    expect(store.auditRows).toMatchObject([{ principal: 'local', action: 'session.read', target: ids[0], detail: { messages: 0 } }]);
    store.condition.writable = false;
    expect((await call(line, reader)).status).toBe(200);
  });

  test('whose turns an operator reads leave a row by every door, once in ten minutes', async () => {
    const { call, store } = createWorld();
    const key = (await (await call('POST /v1/keys', { headers, body: { name: 'client' } })).json()) as unknown as { key: string };
    const client = { authorization: `Bearer ${key.key}` };
    for (const door of ['/v1/turns', '/v1/turns/{id}', '/v1/turns/{id}/events']) {
      const turn = await (await call('POST /v1/chat', { headers: client, body: { message: 'mine' } })).json();
      const reads = () => store.auditRows.filter(({ action, target }) => action === 'session.read' && target === turn.sessionId);
      const path = door.replace('{id}', turn.turnId);
      await (await call(`GET ${path}`, { headers: client })).text();
      expect(reads(), door).toHaveLength(0);
      for (let times = 0; times < 2; times += 1) await (await call(`GET ${path}`, { headers })).text();
      expect(reads(), door).toMatchObject([{ principal: 'key:admin' }]);
    }
  });

  test('take no unknown change', async () => {
    const { call, ids } = await sessions(1);
    for (const body of [{ user: 'x' }, { current: false }, { title: '' }, { title: 7 }, { metadata: null }])
      expect((await call(`PATCH /v1/sessions/${ids[0]}`, { headers, body })).status, JSON.stringify(body)).toBe(422);
  });

  test('cannot be changed while nothing can be stored, but can be read', async () => {
    const { call, ids, store } = await sessions(1);
    store.condition.writable = false;
    const refused = await call('POST /v1/sessions', { headers });
    expect([refused.status, (await refused.json()).code]).toEqual([503, 'storage_unavailable']);
    expect((await call(`GET /v1/sessions/${ids[0]}`, { headers })).status).toBe(200);
  });
});

test('turns are listed newest first, by session and by state', async () => {
  const { call, ids } = createWorld({
    script: (message) => (message === 'bad' ? { deltas: [], status: 'degraded', reason: 'deadline' } : {}),
  });
  const say = async (message: string) => (await call('POST /v1/chat', { headers, body: { message } })).json();
  const [good, bad] = [await say('good'), await say('bad')];
  const list = async (query = '') => (await (await call(`GET /v1/turns${query}`, { headers })).json()).data.map(({ turnId }) => turnId);
  expect(await list()).toEqual([bad.turnId, good.turnId]);
  expect(await list('?status=degraded')).toEqual([bad.turnId]);
  expect(await list(`?sessionId=${good.sessionId}`)).toEqual([good.turnId]);
  expect(await list(`?sessionId=${ids.make('ses')}`)).toEqual([]);
  expect((await call('GET /v1/turns?status=CANARY', { headers })).status).toBe(400);
});

test('an open turn is cancelled once, and stays as it ended', async () => {
  const { call, agent } = createWorld({ script: () => ({ deltas: ['Half'], hold: new Promise(() => {}) }) });
  const { turnId } = await (
    await call('POST /v1/chat', { headers: { ...headers, prefer: 'respond-async' }, body: { message: 'm' } })
  ).json();
  for (let i = 0; i < 2; i++) {
    const answer = await call(`POST /v1/turns/${turnId}/cancel`, { headers });
    expect([answer.status, await answer.json()]).toEqual([200, expect.objectContaining({ turnId, status: 'cancelled', reason: 'caller' })]);
  }
  expect(agent.figures().cancelled).toBe(1);
});
