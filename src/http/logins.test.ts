import { describe, expect, test } from 'vitest';
import { ADMIN_KEY, asAdmin, asLocal, createWorld, LOCAL_TOKEN, type World } from '../../test/support/http-world.ts';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { until } from '../../test/support/until.ts';
import type { CreatedKey } from '../contract/key.ts';
import type { LoginLink, LoginView, Me } from '../contract/login.ts';
import type { Page } from '../contract/session.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NAME = '__Host-hf-0123456789ab';

function world(config: Parameters<typeof createWorld>[0] = {}) {
  const clock = createManualClock();
  return { clock, ...createWorld({ clock, ...config }) };
}
type Call = World['call'];

const body = async <T>(answer: { json(): Promise<unknown> }) => (await answer.json()) as T;
const link = async (call: Call, headers: Record<string, string> = asLocal) =>
  body<LoginLink>(await call('POST /v1/login-links', { headers }));
const cookieOf = (answer: { headers: Headers }) => answer.headers.get('set-cookie')?.split(';')[0] ?? '';
/** What a browser sends from a page of ours. */
const fromPage = (cookie: string) => ({ cookie, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' });
const me = async (call: Call, headers: Record<string, string>) => call('GET /v1/me', { headers });

async function signedIn(call: Call, sent: object = {}) {
  const answer = await call('POST /v1/login', { body: 'key' in sent ? sent : { token: (await link(call)).token } });
  expect(answer.status).toBe(200);
  return { headers: fromPage(cookieOf(answer)), me: await body<Me>(answer) };
}

describe('a one-time link', () => {
  test('signs an operator in once, and its cookie is Host-bound, Secure, HttpOnly and Strict', async () => {
    const { call, store, clock } = world();
    const { token, fragment, url, expiresAt } = await link(call);
    expect({ fragment, url }).toEqual({ fragment: `#login=${token}`, url: null });
    expect(Date.parse(expiresAt)).toBe(clock.now() + 15 * MINUTE);
    const answer = await call('POST /v1/login', { body: { token } });
    expect(answer.headers.get('set-cookie')).toMatch(
      new RegExp(`^${NAME}=hf_[0-9a-z]{52}; Max-Age=604800; Path=/; Secure; HttpOnly; SameSite=Strict$`),
    );
    expect(await answer.json()).toMatchObject({
      principal: 'operator',
      role: 'admin',
      how: 'login',
      name: null,
      login: { how: 'link', current: true },
    });
    expect((await me(call, { cookie: cookieOf(answer) })).status).toBe(200);
    const again = await call('POST /v1/login', { body: { token } });
    expect([again.status, again.headers.get('set-cookie')]).toEqual([401, null]);
    const rows = store.auditRows.map(({ action, principal, detail }) => [action, principal, detail]);
    expect(rows).toEqual([
      ['login.link', 'local', undefined],
      ['login', 'operator', { how: 'link', source: '127.0.0.1' }],
      ['auth.refuse', 'anonymous', { count: 1 }],
    ]);
    expect(JSON.stringify([store.auditRows, [...store.loginRows.values()]])).not.toContain(token);
  });

  test('used by two at the same moment signs one of them in', async () => {
    const { call } = world();
    const { token } = await link(call);
    const answers = await Promise.all(Array.from({ length: 8 }, () => call('POST /v1/login', { body: { token } })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(401)]);
  });

  test('is over after 15 minutes, and the oldest of more than 32 is', async () => {
    const { call, clock } = world();
    const old = await link(call);
    await clock.advance(15 * MINUTE);
    expect((await call('POST /v1/login', { body: { token: old.token } })).status).toBe(401);
    const links = [];
    for (let n = 0; n < 33; n += 1) links.push(await link(call));
    expect((await call('POST /v1/login', { body: { token: links[0]?.token } })).status).toBe(401);
    expect((await call('POST /v1/login', { body: { token: links[1]?.token } })).status).toBe(200);
  });

  test('made with a key acts as that key, and dies with it', async () => {
    const { call } = world();
    const boss = await body<CreatedKey>(await call('POST /v1/keys', { headers: asAdmin, body: { name: 'boss', role: 'admin' } }));
    const asBoss = { authorization: `Bearer ${boss.key}` };
    const [one, two] = [await link(call, asBoss), await link(call, asBoss)];
    const signed = await call('POST /v1/login', { body: { token: one.token } });
    expect(await signed.clone().json()).toMatchObject({ principal: boss.id, name: 'boss' });
    // A link made with that sign-in hangs on the same key.
    const three = await link(call, fromPage(cookieOf(signed)));
    await call(`DELETE /v1/keys/${boss.id}`, { headers: asAdmin });
    for (const { token } of [two, three]) expect((await call('POST /v1/login', { body: { token } })).status).toBe(401);
    expect((await me(call, { cookie: cookieOf(signed) })).status).toBe(401);
  });

  test('names the public address when there is one', async () => {
    const { call } = world({ config: { publicUrl: 'https://agent.example/' } });
    const { url, token } = await link(call);
    expect(url).toBe(`https://agent.example/ui/#login=${token}`);
  });
});

describe('a sign-in', () => {
  test('by key acts as the key and names it; the local token signs nobody in', async () => {
    const { call } = world();
    const key = await body<CreatedKey>(await call('POST /v1/keys', { headers: asAdmin, body: { name: 'the site' } }));
    const { me: who, headers } = await signedIn(call, { key: key.key });
    expect(who).toMatchObject({ principal: key.id, role: 'client', name: 'the site', login: { how: 'key' } });
    expect((await call('GET /v1/status', { headers })).status).toBe(403);
    expect((await signedIn(call, { key: ADMIN_KEY })).me).toMatchObject({ principal: 'key:admin', role: 'admin' });
    expect((await call('POST /v1/login', { body: { key: LOCAL_TOKEN } })).status).toBe(401);
  });

  test('ends after seven days, after twelve idle hours, and no later than its key', async () => {
    const { call, clock } = world();
    const { headers } = await signedIn(call);
    for (let hours = 0; hours < 7 * 24; hours += 6) {
      expect((await me(call, headers)).status).toBe(200);
      await clock.advance(6 * HOUR);
    }
    expect((await me(call, headers)).status).toBe(401);
    const idle = await signedIn(call);
    await clock.advance(12 * HOUR - 1);
    expect((await me(call, idle.headers)).status).toBe(200);
    await clock.advance(12 * HOUR);
    expect((await me(call, idle.headers)).status).toBe(401);
    const expiresAt = new Date(clock.now() + HOUR).toISOString();
    const key = await body<CreatedKey>(await call('POST /v1/keys', { headers: asAdmin, body: { name: 'short', expiresAt } }));
    const short = await signedIn(call, { key: key.key });
    expect(short.me.expiresAt).toBe(expiresAt);
    await clock.advance(HOUR);
    expect((await me(call, short.headers)).status).toBe(401);
  });

  test('is listed and can be ended from elsewhere; signing out ends it and clears the cookie', async () => {
    const { call, store } = world();
    const [a, b] = [await signedIn(call), await signedIn(call)];
    const list = await body<Page<LoginView>>(await call('GET /v1/logins', { headers: a.headers }));
    expect(list.data.map(({ id, current }) => [id, current])).toEqual([
      [b.me.login?.id, false],
      [a.me.login?.id, true],
    ]);
    expect((await call(`DELETE /v1/logins/${b.me.login?.id}`, { headers: a.headers })).status).toBe(200);
    expect((await call(`DELETE /v1/logins/${b.me.login?.id}`, { headers: a.headers })).status).toBe(404);
    expect((await me(call, b.headers)).status).toBe(401);
    const out = await call('POST /v1/logout', { headers: a.headers });
    expect([out.status, out.headers.get('set-cookie')]).toEqual([200, `${NAME}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict`]);
    expect((await me(call, a.headers)).status).toBe(401);
    expect(store.auditRows.map(({ action }) => action).filter((action) => /^(login\.revoke|logout)$/.test(action))).toEqual([
      'login.revoke',
      'logout',
    ]);
  });

  test('beyond the twentieth of one principal the oldest ends', async () => {
    const { call } = world();
    const all = [];
    for (let n = 0; n < 21; n += 1) all.push(await signedIn(call));
    expect((await me(call, all[0]?.headers ?? {})).status).toBe(401);
    expect((await me(call, all[1]?.headers ?? {})).status).toBe(200);
  });

  test('is refused over plain http off loopback, whatever the peer, before the link is spent', async () => {
    const { call } = world({ config: { allowedHosts: ['agent.example', '192.0.2.2'] } });
    const { token } = await link(call);
    const outside: Record<string, string>[] = [
      { host: 'agent.example' },
      { host: '192.0.2.2:8000' },
      { 'x-forwarded-for': '203.0.113.9' },
      { 'x-forwarded-proto': 'https' },
      { host: 'agent.example', 'x-forwarded-proto': 'https' },
    ];
    for (const headers of outside) {
      const answer = await call('POST /v1/login', { headers, body: { token } });
      expect(answer.status, JSON.stringify(headers)).toBe(403);
      expect(JSON.stringify(await answer.json())).toContain('HTTPS, or a tunnel');
    }
    // Behind a container's published port the peer is foreign, and the browser is on this machine all the same.
    expect((await call('POST /v1/login', { headers: { host: '127.0.0.1:8000' }, peer: '172.17.0.1', body: { token } })).status).toBe(200);
  });

  test('behind a proxy counts as https only when the proxy is trusted and says so itself', async () => {
    const { call } = world({ config: { allowedHosts: ['agent.example'], trustProxy: true } });
    const { token } = await link(call);
    const via = (proto: string) => ({ host: 'agent.example', 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': proto });
    for (const proto of ['http', 'https, http', ''])
      expect((await call('POST /v1/login', { headers: via(proto), body: { token } })).status, proto).toBe(403);
    expect((await call('POST /v1/login', { headers: via('http, https'), body: { token } })).status).toBe(200);
  });

  test.each([
    {},
    { token: 'x', key: 'y' },
    { token: '' },
    { token: 5 },
    { key: null },
    { key: ['a'] },
    { token: 'a b' },
    { key: 'x'.repeat(513) },
    { user: 'x' },
  ])('needs one proof of one kind: %j', async (sent) => {
    const { call } = world();
    expect((await call('POST /v1/login', { body: sent })).status).toBe(422);
  });
});

describe('failed sign-ins', () => {
  test('beyond ten a minute the source is refused, with the time to wait, and nothing is looked at', async () => {
    const { call, clock, store } = world();
    const { token } = await link(call);
    const wrong = (peer: string, sent: object = { token: `hf_${'0'.repeat(52)}` }) => call('POST /v1/login', { peer, body: sent });
    for (let n = 0; n < 10; n += 1) expect((await wrong('203.0.113.7')).status).toBe(401);
    await clock.advance(20_000);
    const refused = await wrong('203.0.113.7', { token });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '40']);
    expect((await wrong('203.0.113.8')).status).toBe(401);
    await clock.advance(40_000);
    await until(() => store.auditRows.some(({ target, detail }) => target === '203.0.113.7' && detail?.count === 9));
    // The refused attempt did not spend the link.
    expect((await wrong('203.0.113.7', { token })).status).toBe(200);
  });

  test('from more sources than are counted share one count, and memory stays bounded', async () => {
    const { call } = world();
    for (let n = 0; n < 1_024; n += 1) await call('POST /v1/login', { peer: `10.0.${n >> 8}.${n & 255}`, body: { key: 'x' } });
    const statuses = [];
    for (let n = 0; n < 12; n += 1) statuses.push((await call('POST /v1/login', { peer: `10.9.0.${n}`, body: { key: 'x' } })).status);
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
  });
});

describe('a cookie is no proof of who sent the request', () => {
  const refused: [string, Record<string, string | undefined>, number][] = [
    ['from another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['from another port of this machine', { 'sec-fetch-site': 'same-site', origin: 'http://localhost:9999' }, 403],
    ['with the Origin of another page', { origin: 'http://evil.example' }, 403],
    ['with the Origin null', { origin: 'null' }, 403],
    ['that says nothing of where it is from', { 'sec-fetch-site': undefined }, 403],
    ['that a person typed', { 'sec-fetch-site': 'none' }, 403],
    ['that a form could send', { 'content-type': 'text/plain' }, 415],
    ['without a type', { 'content-type': undefined }, 415],
  ];
  const clean = (headers: Record<string, string | undefined>) =>
    Object.fromEntries(Object.entries(headers).filter((each): each is [string, string] => each[1] !== undefined));

  test.each(refused)('a change %s is refused', async (_name, change, status) => {
    const { call, agent } = world();
    const { headers } = await signedIn(call);
    const sent = clean({ ...headers, ...change });
    for (const line of ['POST /v1/chat', 'POST /v1/logout', 'DELETE /v1/sessions/ses_x', 'POST /v1/login-links']) {
      const bytes = line === 'POST /v1/chat' && 'content-type' in sent ? '{"message":"x"}' : undefined;
      const answer = await call(line, { headers: sent, ...(bytes && { body: bytes }) });
      expect(answer.status, line).toBe(status);
    }
    expect(agent.submissions).toEqual([]);
    expect((await me(call, headers)).status).toBe(200);
  });

  test('a change with our own Origin goes through, in browsers without fetch metadata too', async () => {
    const { call } = world();
    const { headers } = await signedIn(call);
    const { 'sec-fetch-site': _, ...old } = headers;
    expect((await call('POST /v1/chat', { headers: { ...old, origin: 'http://localhost' }, body: { message: 'x' } })).status).toBe(200);
    expect((await call('POST /v1/chat', { headers, body: { message: 'x' } })).status).toBe(200);
  });

  test.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'same-site', accept: 'text/event-stream', origin: 'http://localhost:9999' },
    { origin: 'http://evil.example' },
  ])('a reading by a page of another origin is refused: %j', async (from) => {
    const { call } = world();
    const { headers } = await signedIn(call);
    const turn = await (await call('POST /v1/chat', { headers, body: { message: 'x' } })).json();
    for (const path of ['/v1/me', '/v1/turns', `/v1/turns/${turn.turnId}/events`]) {
      const { 'sec-fetch-site': _, ...plain } = headers;
      const answer = await call(`GET ${path}`, { headers: { ...plain, ...(from as Record<string, string>) } });
      expect([answer.status, answer.headers.get('access-control-allow-origin')], path).toEqual([403, null]);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
    }
  });

  test('a link on another page may lead to a page of ours, not to data', async () => {
    const { call } = world({ config: { env: 'production' } });
    const { headers } = await signedIn(call);
    const followed = { cookie: headers.cookie, 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'navigate' };
    expect((await call('GET /docs', { headers: followed })).status).toBe(200);
    expect((await call('GET /v1/me', { headers: followed })).status).toBe(403);
  });

  test('a key in the header asks for none of this', async () => {
    const { call } = world();
    expect((await call('POST /v1/login-links', { headers: asAdmin })).status).toBe(200);
  });
});

describe('who am I', () => {
  test('is told to keys and the local command line', async () => {
    const { call } = world();
    expect(await body(await me(call, asLocal))).toEqual({
      ...{ principal: 'local', role: 'admin', how: 'local_token', name: null, expiresAt: null, login: null },
    });
    expect(await body(await me(call, asAdmin))).toMatchObject({ principal: 'key:admin', how: 'admin_key' });
    const key = await body<CreatedKey>(await call('POST /v1/keys', { headers: asAdmin, body: { name: 'ünï' } }));
    expect(await body(await me(call, { authorization: `Bearer ${key.key}` }))).toMatchObject({
      principal: key.id,
      how: 'key',
      name: 'ünï',
    });
  });

  test('a key and a cookie that agree act with the authority of the key', async () => {
    const { call } = world();
    const { headers } = await signedIn(call, { key: ADMIN_KEY });
    expect(await body(await me(call, { ...asAdmin, cookie: headers.cookie }))).toMatchObject({ how: 'admin_key' });
  });
});
