import { describe, expect, test } from 'vitest';
import { asAdmin, createWorld } from '../../test/support/http-world.ts';

const FILES = ['/docs', '/docs/page.js', '/docs/page.css', '/openapi.json'];

describe('the API document and its page', () => {
  test('are open in development and need a key in production', async () => {
    const development = createWorld();
    const production = createWorld({ config: { env: 'production' } });
    for (const path of FILES) {
      expect((await development.call(`GET ${path}`)).status, path).toBe(200);
      expect((await production.call(`GET ${path}`)).status, path).toBe(401);
      expect((await production.call(`GET ${path}`, { headers: asAdmin })).status, path).toBe(200);
    }
  });

  test('are kept from host names that are not ours, in development too', async () => {
    const { call } = createWorld();
    for (const path of FILES) expect((await call(`GET ${path}`, { headers: { host: 'evil.example' } })).status, path).toBe(403);
  });

  test('carry the version of the server', async () => {
    const { call } = createWorld();
    expect(JSON.parse(await (await call('GET /openapi.json')).text())).toMatchObject({ openapi: '3.1.1', info: { version: '1.2.3' } });
  });

  test('ask nothing of other hosts and run nothing inline', async () => {
    const { call } = createWorld();
    const page = await call('GET /docs');
    const html = await page.text();
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'; style-src 'self'; connect-src 'self'");
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style| on\w+=|style=/);
    for (const path of FILES.slice(0, 3))
      expect(await (await call(`GET ${path}`)).text(), path).not.toMatch(/https?:|\/\/[a-z]+\.|innerHTML|eval\(/);
    const named = [...html.matchAll(/(?:src|href)="([^":,]+)"/g)].map(([, to = '']) => new URL(to, 'http://localhost/docs').pathname);
    expect(named).toHaveLength(4);
    for (const path of named) expect((await call(`GET ${path}`)).status, path).toBe(200);
  });
});
