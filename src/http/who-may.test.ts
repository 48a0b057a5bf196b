// Every route of the table × every kind of caller. A new route fails here until somebody says who may use it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { asAdmin, createWorld, type World } from '../../test/support/http-world.ts';
import { createManualClock, type ManualClock } from '../../test/support/manual-clock.ts';
import type { Script } from '../../test/support/memory-agent.ts';
import { until } from '../../test/support/until.ts';
import type { CreatedKey } from '../contract/key.ts';
import type { Me } from '../contract/login.ts';
import { type Route, type RouteName, routes } from '../contract/routes.ts';

/**
 * `everyone`: no key is looked at. `key`: any valid key, and lists hold what the caller made. `owner`: what the path names belongs to somebody; to other
 * clients it is not there. `admin`: operators only. `proof`: the body proves who it is.
 */
type Who = 'everyone' | 'key' | 'owner' | 'admin' | 'proof';

const EXPECTED: Record<RouteName, Who | [Who, status: number]> = {
  health: 'everyone',
  livez: 'everyone',
  readyz: 'everyone',
  startupz: 'everyone',
  dashboardRoot: 'everyone',
  ui: 'everyone',
  uiRedirect: ['everyone', 308],
  dashboardAsset: 'everyone',
  uiAsset: 'everyone',
  openapi: 'key',
  docs: 'key',
  docsScript: 'key',
  docsStyle: 'key',
  chat: 'key',
  listTurns: 'key',
  getTurn: 'owner',
  traceTurn: 'owner',
  turnEvents: 'owner',
  cancelTurn: 'owner',
  retryTurn: 'owner',
  createSession: ['key', 201],
  listSessions: 'key',
  getSession: 'owner',
  patchSession: 'owner',
  deleteSession: 'owner',
  listMessages: 'owner',
  status: 'admin',
  listLogs: 'admin',
  liveEvents: 'admin',
  series: 'admin',
  metrics: 'admin',
  listAudit: 'admin',
  verifyAudit: 'admin',
  createKey: ['admin', 201],
  listKeys: 'admin',
  revokeKey: 'admin',
  me: 'key',
  createLoginLink: 'admin',
  login: 'proof',
  // For keys there is nothing to sign out of.
  logout: ['key', 409],
  listLogins: 'key',
  revokeLogin: 'owner',
};

const table = Object.entries(routes) as [RouteName, Route][];
const BODIES: Partial<Record<RouteName, unknown>> = { chat: { message: 'hi' }, createKey: { name: 'k' }, patchSession: { title: 't' } };

const folder = mkdtempSync(join(tmpdir(), 'holdfast-who-'));
const logPath = join(folder, 'agent.log');
const webFolder = pathToFileURL(`${folder}/web/`);
mkdirSync(new URL('assets/', webFolder), { recursive: true });
writeFileSync(new URL('assets/page.js', webFolder), 'page');
writeFileSync(logPath, '{"level":"info","time":"2026-01-01T00:00:00.000Z","event":"test.line"}\n');
afterAll(() => rmSync(folder, { recursive: true }));

interface Cast {
  world: World;
  clock: ManualClock;
  headers: Record<string, Record<string, string>>;
  /** Of what the client made, or for keys of one key. */
  id(route: Route): string;
  keys: Record<string, CreatedKey>;
}

async function makeKey(world: World, body: object): Promise<CreatedKey> {
  return (await (await world.call('POST /v1/keys', { headers: asAdmin, body })).json()) as unknown as CreatedKey;
}
const bearer = ({ key }: CreatedKey) => ({ authorization: `Bearer ${key}` });

async function signIn(world: World, key: CreatedKey) {
  const answer = await world.call('POST /v1/login', { body: { key: key.key } });
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  const { login } = (await answer.json()) as unknown as Me;
  return { loginId: login?.id ?? '', headers: { cookie, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' } };
}

async function createCast(script: (message: string) => Script = () => ({ status: 'degraded', reason: 'deadline' })): Promise<Cast> {
  const clock = createManualClock();
  // In production nothing is open that need not be.
  const world = createWorld({ clock, script, logPath, webFolder, config: { env: 'production' } });
  const soon = new Date(clock.now() + 1_000).toISOString();
  const keys = {
    client: await makeKey(world, { name: 'client' }),
    'client of another user': await makeKey(world, { name: 'other', role: 'client' }),
    admin: await makeKey(world, { name: 'boss', role: 'admin' }),
    'revoked key': await makeKey(world, { name: 'revoked', role: 'admin' }),
    'expired key': await makeKey(world, { name: 'expired', role: 'admin', expiresAt: soon }),
  };
  const own = await (await world.call('POST /v1/chat', { headers: bearer(keys.client), body: { message: 'mine' } })).json();
  const byCookie = await signIn(world, keys.client);
  const ended = await signIn(world, keys['revoked key']);
  await world.call(`DELETE /v1/keys/${keys['revoked key'].id}`, { headers: asAdmin });
  await clock.advance(2_000);
  const ids: Record<string, string> = {
    '/v1/turns': own.turnId,
    '/v1/sessions': own.sessionId,
    '/v1/keys': keys['client of another user'].id,
    '/v1/logins': byCookie.loginId,
    '/assets/{id}': 'page.js',
    '/ui/assets': 'page.js',
  };
  const headers = {
    ...Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, bearer(key)])),
    'no key': {},
    'bad key': { authorization: `Bearer hf_${'0'.repeat(52)}` },
    'two carriers that disagree': { ...byCookie.headers, ...bearer(keys['client of another user']) },
    'a good key and a dead sign-in': { ...ended.headers, ...bearer(keys.client) },
    'a dead key and a good sign-in': { ...byCookie.headers, ...bearer(keys['revoked key']) },
    'the cookie of a dead sign-in': ended.headers,
    'the cookie of the client': byCookie.headers,
    'a cookie sent twice': { ...byCookie.headers, cookie: `${byCookie.headers.cookie}; ${byCookie.headers.cookie}` },
    'a key as a cookie': { ...byCookie.headers, cookie: `${byCookie.headers.cookie.split('=')[0]}=${keys.client.key}` },
    'a cookie as a key': { authorization: `Bearer ${byCookie.headers.cookie.split('=')[1]}` },
  };
  return { world, clock, headers, keys, id: (route) => ids[route.path.split('/', 3).join('/')] ?? '' };
}

function ask({ world, id }: Cast, [name, route]: [RouteName, Route], headers: Record<string, string>, given?: string) {
  return world.call(`${route.method} ${route.path.replace('{id}', given ?? id(route))}`, {
    headers,
    body: route.body && !route.bodyOptional ? BODIES[name] : undefined,
    listener: route.page === 'dashboard' ? 'dashboard' : 'api',
  });
}

const UNKNOWN = [
  ...['no key', 'bad key', 'revoked key', 'expired key', 'two carriers that disagree', 'a good key and a dead sign-in'],
  ...['a dead key and a good sign-in', 'the cookie of a dead sign-in', 'a cookie sent twice', 'a key as a cookie', 'a cookie as a key'],
];

function expectedStatus(who: Who, caller: string, good: number): number {
  if (who === 'everyone') return good;
  if (UNKNOWN.includes(caller)) return 401;
  if (who === 'admin') return caller === 'admin' ? good : 403;
  return who === 'owner' && caller === 'client of another user' ? 404 : good;
}

describe('who may', () => {
  test('is said for every route, and for no other', () => {
    expect(Object.keys(EXPECTED).sort()).toEqual(Object.keys(routes).sort());
    for (const [name, route] of table) {
      const [who] = [EXPECTED[name]].flat() as [Who];
      const auth = { everyone: 'public', proof: 'public', key: 'client', owner: 'client', admin: 'admin' }[who];
      expect(route.auth, name).toBe(auth);
    }
  });

  const callers = [...UNKNOWN, 'client', 'client of another user', 'admin', 'the cookie of the client'];
  test.each(callers)('%s: every route answers as the table says', async (caller) => {
    for (const entry of table) {
      const [who, good = 200] = [EXPECTED[entry[0]]].flat() as [Who, number?];
      if (who === 'proof') continue;
      const cast = await createCast();
      const answer = await ask(cast, entry, cast.headers[caller] ?? {});
      // Signing out is for cookies.
      const wanted = entry[0] === 'logout' && caller.startsWith('the cookie of the client') ? 200 : good;
      expect(answer.status, entry[0]).toBe(expectedStatus(who, caller, wanted));
      await answer.body?.cancel();
    }
  });

  test('what is absent and what is another’s are the same answer', async () => {
    const owned = table.filter(([name]) => EXPECTED[name] === 'owner');
    expect(owned.length).toBeGreaterThan(6);
    for (const entry of owned) {
      const cast = await createCast();
      const other = cast.headers['client of another user'] ?? {};
      const [prefix = 'trn'] = cast.id(entry[1]).split('_');
      const seen = [];
      for (const id of [cast.id(entry[1]), cast.world.ids.make(prefix as 'trn'), 'nonsense']) {
        const answer = await ask(cast, entry, other, id);
        const { requestId: _, ...body } = await answer.json();
        const headers = Object.fromEntries([...answer.headers].filter(([name]) => name !== 'x-request-id'));
        seen.push({ status: answer.status, headers, body });
      }
      expect(seen[0]?.status, entry[0]).toBe(404);
      expect(seen[1], entry[0]).toEqual(seen[0]);
      expect(seen[2], entry[0]).toEqual(seen[0]);
    }
  });

  test('lists hold what the caller made; an admin sees all', async () => {
    const cast = await createCast();
    const count = async (path: string, caller: string) =>
      (await (await cast.world.call(`GET ${path}`, { headers: cast.headers[caller] ?? {} })).json()).data.length;
    for (const path of ['/v1/turns', '/v1/sessions', '/v1/logins']) {
      const found = [await count(path, 'client'), await count(path, 'client of another user'), await count(path, 'admin')];
      expect(found, path).toEqual([1, 0, 1]);
    }
  });

  test('a client neither reads nor writes in the session of another, nor makes one current', async () => {
    const cast = await createCast();
    const headers = cast.headers['client of another user'] ?? {};
    const sessionId = cast.id(routes.getSession);
    const theirs = await cast.world.call('POST /v1/chat', { headers, body: { message: 'let me in', sessionId } });
    expect(theirs.status).toBe(404);
    expect((await cast.world.call(`GET /v1/turns?sessionId=${sessionId}`, { headers })).status).toBe(200);
    expect((await (await cast.world.call(`GET /v1/turns?sessionId=${sessionId}`, { headers })).json()).data).toEqual([]);
    expect((await cast.world.call('POST /v1/sessions', { headers, body: { current: true } })).status).toBe(403);
    const own = cast.headers.client ?? {};
    expect((await cast.world.call(`PATCH /v1/sessions/${sessionId}`, { headers: own, body: { current: true } })).status).toBe(403);
  });
});

describe('an open stream', () => {
  const streams = table.filter(
    ([, { startsWork, responses }]) =>
      startsWork || Object.values(responses).some(({ mediaType, stream }) => stream || mediaType === 'text/event-stream'),
  );
  /** The first turn ends at once, so that it can be retried; all others go on for ever. */
  function held(): () => Script {
    let turns = 0;
    return () => {
      turns += 1;
      const first: Script = { status: 'degraded', reason: 'deadline', deltas: ['all'] };
      return turns === 1 ? first : { hold: new Promise(() => undefined), deltas: ['some'] };
    };
  }

  /** A stream with more to come, opened with these headers. */
  async function open(cast: Cast, [name, route]: [RouteName, Route], headers: Record<string, string>) {
    let id = cast.id(route);
    if (name === 'turnEvents') {
      const later = { ...headers, prefer: 'respond-async' };
      id = (await (await cast.world.call('POST /v1/chat', { headers: later, body: { message: 'go on' } })).json()).turnId;
    }
    const answer = await cast.world.call(`${route.method} ${route.path.replace('{id}', id)}`, {
      headers: { ...headers, accept: 'text/event-stream' },
      body: route.startsWork ? { ...(BODIES[name] as object), stream: true } : undefined,
    });
    expect(answer.headers.get('content-type'), name).toContain('text/event-stream');
    const state = { over: false, text: '' };
    const reader = answer.body?.getReader();
    void (async () => {
      for (;;) {
        const { done, value } = (await reader?.read()) ?? { done: true };
        if (done) break;
        state.text += Buffer.from(value ?? []).toString();
      }
      state.over = true;
    })();
    await until(() => state.text !== '');
    expect(state.over, name).toBe(false);
    return state;
  }

  const ENDS: Record<string, (cast: Cast, loginId: string) => Promise<unknown>> = {
    'the key is revoked': ({ world, keys }) => world.call(`DELETE /v1/keys/${keys.admin?.id}`, { headers: asAdmin }),
    'the sign-in is ended from elsewhere': ({ world }, loginId) => world.call(`DELETE /v1/logins/${loginId}`, { headers: asAdmin }),
  };

  test('of every route that has one ends when the key is revoked', async () => {
    expect(streams.length).toBeGreaterThan(2);
    for (const entry of streams) {
      const cast = await createCast(held());
      const headers = cast.headers[entry[0] === 'retryTurn' ? 'client' : 'admin'] ?? {};
      const stream = await open(cast, entry, headers);
      const { id } = cast.keys[entry[0] === 'retryTurn' ? 'client' : 'admin'] as CreatedKey;
      expect((await cast.world.call(`DELETE /v1/keys/${id}`, { headers: asAdmin })).status).toBe(200);
      await until(() => stream.over);
      expect(stream.text, entry[0]).not.toContain('turn.end');
    }
  });

  test.each(Object.entries(ENDS))('opened with a cookie ends when %s', async (_name, end) => {
    const cast = await createCast(held());
    const { headers, loginId } = await signIn(cast.world, cast.keys.admin as CreatedKey);
    const stream = await open(cast, ['chat', routes.chat], headers);
    await end(cast, loginId);
    await until(() => stream.over);
  });

  test('ends at the moment the key expires, and stays open until then', async () => {
    const cast = await createCast(held());
    const expiresAt = new Date(cast.clock.now() + 20_000).toISOString();
    const headers = bearer(await makeKey(cast.world, { name: 'short', expiresAt }));
    const stream = await open(cast, ['chat', routes.chat], headers);
    await cast.clock.advance(19_000);
    expect(stream.over).toBe(false);
    await cast.clock.advance(1_000);
    await until(() => stream.over);
  });

  test('of another key goes on', async () => {
    const cast = await createCast(held());
    const stream = await open(cast, ['chat', routes.chat], cast.headers.admin ?? {});
    await cast.world.call(`DELETE /v1/keys/${cast.keys.client?.id}`, { headers: asAdmin });
    await cast.clock.advance(20_000);
    expect(stream.over).toBe(false);
    await until(() => stream.text.includes('keep-alive'));
  });
});
