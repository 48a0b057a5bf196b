import { readdirSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ADMIN_KEY, asAdmin, asLocal, createWorld, type World } from '../../test/support/http-world.ts';
import { type Route, type RouteName, routes } from '../contract/routes.ts';
import type { AnyHandler, Pipeline } from './pipeline.ts';
import { createHono } from './server.ts';

const table = Object.entries(routes) as [RouteName, Route][];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** A world with one ended turn and its session, a key and a sign-in, so that every route has something to show. */
async function populated() {
  const world = createWorld();
  const answer = await (await world.call('POST /v1/chat', { headers: asAdmin, body: { message: 'hello' } })).json();
  const key = await (await world.call('POST /v1/keys', { headers: asAdmin, body: { name: 'one' } })).json();
  const me = await (await world.call('POST /v1/login', { body: { key: ADMIN_KEY } })).json();
  const ids: Record<string, string> = {
    '/v1/turns': answer.turnId,
    '/v1/sessions': answer.sessionId,
    '/v1/keys': key.id,
    '/v1/logins': (me as unknown as { login: { id: string } }).login.id,
    '/assets/{id}': asset,
    '/ui/assets': asset,
  };
  const path = (route: Route) => route.path.replace('{id}', ids[route.path.split('/', 3).join('/')] ?? '');
  return { world, path };
}

/** One of those the build made. */
const [asset = ''] = readdirSync(new URL('../../dist/web/assets/', import.meta.url));

const BODIES: Partial<Record<RouteName, unknown>> = {
  chat: { message: 'hello' },
  patchSession: { title: 'a title' },
  createKey: { name: 'two' },
  login: { key: ADMIN_KEY },
};
const listenerOf = (route: Route) => (route.page === 'dashboard' ? 'dashboard' : 'api');
const bodyOf = (name: RouteName, route: Route) => (route.body && !route.bodyOptional ? BODIES[name] : undefined);

describe('the table of routes', () => {
  test('is what is registered, and nothing else is', () => {
    const pipeline = {
      serve: () => async () => new Response(),
      refuse: () => new Response(),
      crash: () => new Response(),
    } satisfies Pipeline;
    const handlers = Object.fromEntries(table.map(([name]) => [name, (() => ({ status: 200, body: null })) satisfies AnyHandler]));
    const registered = createHono(pipeline, handlers as never).routes.map(({ method, path }) => `${method} ${path.replace(':id', '{id}')}`);
    expect(registered.sort()).toEqual(table.map(([, { method, path }]) => `${method} ${path}`).sort());
    expect(registered.length).toBeGreaterThan(20);
  });

  test('is served: the admin key gets a documented success from every route', async () => {
    for (const [name, route] of table) {
      const { world, path } = await populated();
      const answer = await world.call(`${route.method} ${path(route)}`, {
        headers: asAdmin,
        body: bodyOf(name, route),
        listener: listenerOf(route),
      });
      // Retrying a completed turn, and signing a key out, are the conflicts in here.
      const expected = ['retryTurn', 'logout'].includes(name) ? ['409'] : Object.keys(route.responses);
      expect(expected, name).toContain(String(answer.status));
      await answer.body?.cancel();
    }
  });

  test('answers match the documented schemas', async () => {
    for (const [name, route] of table) {
      const { world, path } = await populated();
      const answer = await world.call(`${route.method} ${path(route)}`, {
        headers: asAdmin,
        body: bodyOf(name, route),
        listener: listenerOf(route),
      });
      const documented = route.responses[answer.status];
      if (documented?.schema) expect(documented.schema.safeParse(await answer.json()).error, name).toBeUndefined();
      else if (documented?.mediaType && documented.mediaType !== '*/*')
        expect(answer.headers.get('content-type'), name).toContain(documented.mediaType);
      await answer.body?.cancel().catch(() => undefined);
    }
  });

  test('other methods get 405 with Allow, other paths 404, both as problems', async () => {
    const { world, path } = await populated();
    const byPath = Map.groupBy(table, ([, route]) => route.path);
    for (const [, same] of byPath) {
      const first = same[0]?.[1] as Route;
      const allowed = same.flatMap(([, { method }]) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
      for (const method of METHODS.filter((each) => !allowed.includes(each))) {
        const answer = await world.call(`${method} ${path(first)}`, { headers: asAdmin, listener: listenerOf(first) });
        expect(answer.status, `${method} ${first.path}`).toBe(405);
        expect(answer.headers.get('allow')).toBe(allowed.sort().join(', '));
        expect(answer.headers.get('content-type')).toBe('application/problem+json');
      }
    }
    expect((await world.call('POST /', { headers: asAdmin })).status).toBe(404);
    for (const unknown of [
      '/',
      '/v1',
      '/v1/',
      '/v1/chat/',
      '/v2/chat',
      '/ui/../v1/x',
      '/ui/x',
      '/v1/turns/a/b/c',
      '/%00',
      '/.env',
      '/health/x',
    ]) {
      const answer = await world.call(`GET ${unknown}`, { headers: asAdmin });
      expect(answer.status, unknown).toBe(404);
      expect(await answer.json()).toMatchObject({ code: 'not_found', status: 404 });
    }
  });

  test('HEAD answers as GET without a body', async () => {
    const { world, path } = await populated();
    for (const [name, route] of table.filter(([, each]) => each.method === 'GET')) {
      const answer = await world.call(`HEAD ${path(route)}`, { headers: asAdmin, listener: listenerOf(route) });
      expect(answer.status, name).toBeLessThan(400);
      expect(await answer.text()).toBe('');
    }
  });
});

describe('credentials', () => {
  const closed = table.filter(([, route]) => route.auth !== 'public' && !route.openInDevelopment);
  const CARRIERS: Record<string, Record<string, string>> = {
    none: {},
    'an unknown key': { authorization: 'Bearer hf_0000000000000000000000000000000000000' },
    'the word null': { authorization: 'Bearer null' },
    nothing: { authorization: 'Bearer ' },
    empty: { authorization: '' },
    'an array': { authorization: `Bearer ["${ADMIN_KEY}"]` },
    'another scheme': { authorization: `Basic ${btoa(`admin:${ADMIN_KEY}`)}` },
    'no scheme': { authorization: ADMIN_KEY },
    'two in one header': { authorization: `Bearer ${ADMIN_KEY}, Bearer ${ADMIN_KEY}` },
    'a prefix of the key': { authorization: `Bearer ${ADMIN_KEY.slice(0, -1)}` },
    'another header': { 'x-api-key': ADMIN_KEY },
  };

  const ask = (world: World, [name, route]: [RouteName, Route], path: string, headers: Record<string, string>, peer?: string) =>
    world.call(`${route.method} ${path}`, { headers, body: bodyOf(name, route), ...(peer && { peer }) });

  test.each(Object.entries(CARRIERS))('%s: 401 from every route that is not public', async (_name, headers) => {
    const { world, path } = await populated();
    expect(closed.length).toBeGreaterThan(10);
    for (const entry of closed) {
      // Where this machine is let in without a key, only others are strangers.
      const answer = await ask(world, entry, path(entry[1]), headers, entry[1].openLocally && '192.0.2.7');
      expect(answer.status, entry[0]).toBe(401);
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
      expect(await answer.json()).toMatchObject({ code: 'unauthenticated' });
    }
    expect(world.agent.submissions).toHaveLength(1);
  });

  test('the local token works from loopback on every route, and from nowhere else', async () => {
    for (const entry of closed) {
      const { world, path } = await populated();
      expect((await ask(world, entry, path(entry[1]), asLocal, '::ffff:127.0.0.1')).status, entry[0]).not.toBe(401);
      for (const peer of ['192.168.1.20', '::ffff:10.0.0.1', 'fe80::1', ''])
        expect((await ask(world, entry, path(entry[1]), asLocal, peer || 'unknown')).status, `${entry[0]} from ${peer}`).toBe(401);
      const forwarded = { ...asLocal, 'x-forwarded-for': '203.0.113.9' };
      expect((await ask(world, entry, path(entry[1]), forwarded)).status, `${entry[0]} through a proxy`).toBe(401);
    }
  });

  test('without a socket nobody is local', async () => {
    const { http } = createWorld();
    const answer = await http.fetch(new Request('http://localhost/v1/status', { headers: asLocal }));
    expect(answer.status).toBe(401);
  });

  test('public routes need none', async () => {
    const { world, path } = await populated();
    for (const [name, route] of table.filter(([, each]) => each.auth === 'public')) {
      const answer = await world.call(`${route.method} ${path(route)}`, {
        body: bodyOf(name, route),
        listener: listenerOf(route),
        peer: '203.0.113.9',
      });
      expect(answer.status, name).toBeLessThan(400);
    }
  });
});

describe('every answer', () => {
  const LINES = ['GET /health', 'GET /nothing', 'POST /health', 'GET /v1/status', 'POST /v1/chat', 'GET /ui/', 'GET /v1/turns/x'];

  test.each(LINES)('%s carries the standing headers and no others', async (line) => {
    const { world } = await populated();
    const { headers } = await world.call(line, { headers: { 'x-request-id': 'bad id\t' } });
    expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-z]{26}$/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('content-security-policy')).not.toContain('unsafe-inline');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(headers.get('cache-control')).toBe(line === 'GET /ui/' ? 'no-cache' : 'no-store');
    for (const name of ['server', 'x-powered-by', 'access-control-allow-origin', 'set-cookie']) expect(headers.get(name), name).toBeNull();
  });

  test('takes a sane request id over, and only a sane one', async () => {
    const { world } = await populated();
    const id = '0192f0a1-7c3e-7cc1-9d5f-0123456789ab';
    expect((await world.call('GET /health', { headers: { 'x-request-id': id } })).headers.get('x-request-id')).toBe(id);
    for (const bad of ['short', 'x'.repeat(65), 'has spaces in the middle', '<script>alert(1)</script>'])
      expect((await world.call('GET /health', { headers: { 'x-request-id': bad } })).headers.get('x-request-id')).toMatch(/^req_/);
  });
});

describe('the dashboard', () => {
  test('is at / of the dashboard port and at /ui/ of both, and runs no inline script', async () => {
    const { world } = await populated();
    for (const [path, listener] of [
      ['/', 'dashboard'],
      ['/ui/', 'dashboard'],
      ['/ui/', 'api'],
    ] as const) {
      const answer = await world.call(`GET ${path}`, { listener });
      const html = await answer.text();
      expect(html).not.toMatch(/<script(?![^>]* src=)|<style| on\w+=|style=/);
      const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file = '']) => new URL(file, `http://localhost${path}`).pathname);
      expect(files.length).toBeGreaterThan(2);
      for (const file of files) {
        const plain = await world.call(`GET ${file}`, { listener });
        expect([plain.status, plain.headers.get('cache-control')], file).toEqual([200, expect.stringContaining('immutable')]);
        const zipped = await world.call(`GET ${file}`, { listener, headers: { 'accept-encoding': 'gzip, br' } });
        const bytes = Buffer.from(await zipped.arrayBuffer());
        expect(zipped.headers.get('content-encoding') ? gunzipSync(bytes) : bytes).toEqual(Buffer.from(await plain.arrayBuffer()));
      }
      for (const name of ['none.js', '..%2findex.html', 'index.html'])
        expect((await world.call(`GET ${path}assets/${name}`, { listener })).status, name).toBe(404);
    }
    expect((await world.call('GET /')).status).toBe(404);
    expect((await world.call('GET /ui')).headers.get('location')).toBe('ui/');
  });
});
