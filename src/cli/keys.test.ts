// Keys and links by the command line, against the real server.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliTest, createCliTest } from '../../test/support/cli-context.ts';
import { processEnv } from '../base/config.ts';
import type { CreatedKey, KeyView } from '../contract/key.ts';

const program = fileURLToPath(new URL('../main.ts', import.meta.url));
const { PATH } = processEnv();
const env = { PATH, PORT: '0', DASHBOARD_PORT: '0' };
const LINK = /http:\/\/127\.0\.0\.1:\d+\/ui\/#login=hf_[0-9a-z]{52}/;

let cli: CliTest;
let terminal: CliTest;
beforeAll(async () => {
  cli = createCliTest({ env, program });
  terminal = createCliTest({ env, program, cwd: cli.cwd, terminal: true });
  expect((await cli.run('start')).exit).toBe(0);
});
afterAll(async () => {
  await cli.run('stop');
});

/** The same folder, with a key of its own. */
const as = (key: string) => createCliTest({ env: { ...env, HOLDFAST_API_KEY: key }, cwd: cli.cwd });
const api = async () => JSON.parse((await cli.run('start', '--json')).out).api as string;

describe('keys', () => {
  it('are printed alone on stdout, work, are listed and revoked', async () => {
    const made = await cli.run('keys', 'create', 'the website', '--expires', '90d');
    expect([made.exit, made.out]).toEqual([0, expect.stringMatching(/^hf_[0-9a-z]{52}\n$/)]);
    const key = made.out.trim();
    expect(made.err).toContain('client  until ');
    expect(made.err).not.toContain(key);
    expect((await as(key).run('chat', 'hello')).exit).toBe(0);
    const refused = await as(key).run('status');
    expect([refused.exit, refused.err]).toEqual([4, expect.stringContaining('Fix: unset HOLDFAST_API_KEY')]);
    const listed = await cli.run('keys', 'list');
    expect(listed.out).toMatch(/^key_\S+ {2}client {2}active {3}used \d{4}-\S+ \d\d:\d\d {2}until \d{4}-\S+ \d\d:\d\d {2}the website\n$/);
    const { data } = JSON.parse((await cli.run('keys', 'list', '--json')).out) as { data: KeyView[] };
    const [{ id } = { id: '' }] = data;
    for (const wrong of ['the website', 'the wbsite', id.slice(0, -1)]) {
      const missed = await cli.run('keys', 'revoke', wrong);
      expect([missed.exit, missed.err], wrong).toEqual([
        1,
        expect.stringContaining(`Did you mean ${id}?\nFix: npx holdfast keys revoke ${id}`),
      ]);
    }
    expect((await cli.run('keys', 'revoke', id)).out).toBe(`✅ Key revoked ${id}  the website\n`);
    expect(await as(key).run('chat', 'hello')).toMatchObject({ exit: 4, out: '' });
    expect((await cli.run('keys', 'list')).out).toBe('');
    expect((await cli.run('keys', 'list', '--revoked')).out).toMatch(/revoked {2}used .* ended /);
    expect((await cli.run('keys', 'revoke', 'nothing like it')).err).toContain(
      'There is no key with that id.\nFix: npx holdfast keys list',
    );
  });

  it('of admins may do everything; with --json there is one document', async () => {
    const { exit, out, err } = await cli.run('keys', 'create', 'second operator', '--role', 'admin', '--json');
    expect([exit, err]).toEqual([0, '']);
    const { key, role, expiresAt } = JSON.parse(out) as CreatedKey;
    expect({ role, expiresAt }).toEqual({ role: 'admin', expiresAt: null });
    expect((await as(key).run('status')).exit).toBe(0);
    expect(JSON.parse((await as(key).run('keys', 'create', 'third', '--json')).out)).toMatchObject({
      createdBy: expect.stringMatching(/^key_/),
    });
  });

  it('with a name that cannot be are refused with what is wrong', async () => {
    for (const name of ['', ' ', 'two\nlines', 'turn\u202earound', 'x'.repeat(101)]) {
      const { exit, err } = await cli.run('keys', 'create', name);
      expect([exit, err], name).toEqual([1, expect.stringContaining('name: ')]);
    }
  });
});

describe('a link to the dashboard', () => {
  const signIn = async (url: string) => {
    const body = JSON.stringify({ token: url.split('#login=')[1] });
    const answer = await fetch(`${await api()}/v1/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    return answer.status;
  };

  it('is alone on stdout, and signs in once', async () => {
    const { exit, out } = await cli.run('dashboard');
    expect([exit, out]).toEqual([0, expect.stringMatching(LINK)]);
    expect(out.trim().split('\n')).toHaveLength(1);
    expect([await signIn(out.trim()), await signIn(out.trim())]).toEqual([200, 401]);
    const { url, expiresAt } = JSON.parse((await cli.run('dashboard', '--json')).out);
    expect(url).toMatch(LINK);
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(14 * 60_000);
  });

  it('is printed by start on a terminal, and never in a pipe or as JSON', async () => {
    const shown = await terminal.run('start');
    expect(await signIn(LINK.exec(shown.out)?.[0] ?? '')).toBe(200);
    for (const { out, err } of [await cli.run('start'), await cli.run('start', '--json'), await terminal.run('start', '--json')])
      expect(out + err).not.toContain('login=');
  });

  it('is made by admins only', async () => {
    const key = (await cli.run('keys', 'create', 'a client')).out.trim();
    expect((await as(key).run('dashboard')).exit).toBe(4);
  });
});
