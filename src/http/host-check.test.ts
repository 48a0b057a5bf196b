import { describe, expect, test } from 'vitest';
import { asAdmin, createWorld, type WorldOptions } from '../../test/support/http-world.ts';

const ask = async (headers: Record<string, string>, config: WorldOptions['config'] = {}, line = 'GET /health') =>
  (await createWorld({ config }).call(line, { headers: { ...asAdmin, ...headers } })).status;

describe('the Host header on a loopback bind', () => {
  test.each(['localhost', 'localhost:8000', 'LOCALHOST:3000', '127.0.0.1', '127.0.0.1:8000', '[::1]:8000'])('%s is ours', async (host) => {
    expect(await ask({ host })).toBe(200);
  });

  test.each([
    'evil.example',
    'evil.example:8000',
    'localhost.evil.example',
    '127.0.0.1.nip.io',
    'localhost.',
    '0.0.0.0',
    '[::]',
    '192.168.1.5:8000',
  ])('%s is not', async (host) => {
    expect(await ask({ host })).toBe(403);
    expect(await ask({ host }, {}, 'GET /ui/')).toBe(403);
    expect(await ask({ host }, {}, 'GET /v1/status')).toBe(403);
  });

  test.each(['', 'a b', 'localhost:99999999', 'user@localhost', 'localhost/x', '[::1', 'localhost,evil.example'])(
    '%j is malformed',
    async (host) => {
      expect(await ask({ host })).toBe(400);
    },
  );

  test('may be any for the probes', async () => {
    for (const path of ['/livez', '/readyz', '/startupz']) expect(await ask({ host: '10.1.2.3:8000' }, {}, `GET ${path}`)).toBe(200);
  });

  test('may be a configured name', async () => {
    const config = { publicUrl: 'https://agent.example/x', allowedHosts: ['box.lan', 'other.lan:8443'] };
    for (const host of ['agent.example', 'Agent.Example:443', 'box.lan', 'box.lan:8000', 'other.lan:8443'])
      expect(await ask({ host }, config)).toBe(200);
    for (const host of ['other.lan', 'agent.example.evil', 'lan']) expect(await ask({ host }, config)).toBe(403);
  });
});

test('elsewhere the Host header is judged once names are configured', async () => {
  expect(await ask({ host: 'anything.example' }, { host: '0.0.0.0' })).toBe(200);
  expect(await ask({ host: 'anything.example' }, { host: '0.0.0.0', allowedHosts: ['box.lan'] })).toBe(403);
  expect(await ask({ host: 'box.lan' }, { host: '0.0.0.0', allowedHosts: ['box.lan'] })).toBe(200);
});

describe('a page of another origin', () => {
  const post = (headers: Record<string, string>, config?: WorldOptions['config']) =>
    ask({ host: 'localhost:8000', ...headers }, config, 'POST /v1/sessions');

  test.each([
    'http://evil.example',
    'null',
    'http://localhost:3000',
    'https://localhost:8000.evil.example',
    'file://',
    'chrome-extension://abc',
    '',
  ])('with origin %j changes nothing', async (origin) => {
    expect(await post({ origin })).toBe(403);
  });

  test('is known by the browser’s own word too', async () => {
    expect(await post({ 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await post({ 'sec-fetch-site': 'same-site' })).toBe(403);
    expect(await post({ 'sec-fetch-site': 'same-origin' })).toBe(201);
  });

  test('is not our own, nor the public one, nor a program', async () => {
    expect(await post({ origin: 'http://localhost:8000' })).toBe(201);
    expect(await post({ origin: 'https://agent.example' }, { publicUrl: 'https://agent.example/' })).toBe(201);
    expect(await post({})).toBe(201);
  });
});
