// Keys and sign-ins of the built server, over restarts, kills and open sockets.
import { afterAll, expect, test } from 'vitest';
import type { CreatedKey } from '../src/contract/key.ts';
import type { LoginLink, LoginView, Me } from '../src/contract/login.ts';
import type { Page } from '../src/contract/session.ts';
import { type FakeGemini, startFakeGemini } from './support/fake-gemini/fake-gemini.ts';
import { call, type ServerProcess, startServer, temporaryFolder } from './support/server-process.ts';
import { until } from './support/until.ts';

const folder = temporaryFolder('keys');
let fake: FakeGemini | undefined;
let server: ServerProcess | undefined;
afterAll(async () => {
  await server?.stop();
  server?.remove();
  await fake?.stop();
});

const start = async (env: Record<string, string> = {}) => {
  server = await startServer({ folder, env: { LOG_LEVEL: 'debug', ...env } });
  return server;
};
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const as = (at: ServerProcess, headers: Record<string, string>) => call<Me>(`${at.url}/v1/me`, 'GET', undefined, headers);

async function signIn(at: ServerProcess, proof: object) {
  const answer = await call<Me>(`${at.url}/v1/login`, 'POST', proof, {});
  expect(answer.status, answer.text).toBe(200);
  return { cookie: answer.headers.get('set-cookie')?.split(';')[0] ?? '', 'sec-fetch-site': 'same-origin' };
}

test('keys and sign-ins live through a kill, a link does not, and what was revoked stays so', { timeout: 60_000 }, async () => {
  const first = await start();
  const make = async (name: string) => (await first.call<CreatedKey>('POST', '/v1/keys', { name })).body;
  const [kept, revoked] = [await make('kept'), await make('revoked')];
  const link = async () => (await first.call<LoginLink>('POST', '/v1/login-links')).body.token;
  const [operator, byKey, ended] = [
    await signIn(first, { token: await link() }),
    await signIn(first, { key: kept.key }),
    await signIn(first, { token: await link() }),
  ];
  const unused = await link();
  const { body: logins } = await first.call<Page<LoginView>>('GET', '/v1/logins');
  expect(logins.data).toHaveLength(3);
  expect((await first.call('DELETE', `/v1/logins/${logins.data[0]?.id}`)).status).toBe(200);
  expect((await first.call('DELETE', `/v1/keys/${revoked.id}`)).status).toBe(200);
  await first.kill9();

  const second = await start();
  expect((await as(second, bearer(kept.key))).body).toMatchObject({ principal: kept.id, name: 'kept' });
  expect((await as(second, operator)).body).toMatchObject({ principal: 'operator', role: 'admin' });
  expect((await as(second, byKey)).body).toMatchObject({ principal: kept.id, role: 'client' });
  for (const gone of [bearer(revoked.key), ended, bearer(first.token)]) expect((await as(second, gone)).status).toBe(401);
  expect((await call(`${second.url}/v1/login`, 'POST', { token: unused }, {})).status).toBe(401);
  const log = await second.call('GET', '/v1/audit?action=key.revoke');
  expect(log.text).toContain(revoked.id);
  expect((await second.call<{ ok: boolean }>('POST', '/v1/audit/verify', {})).body.ok).toBe(true);
  await second.stop();
  for (const text of [first.stdout(), first.stderr(), second.stdout(), second.stderr()]) expect(text).not.toContain('hf_');
});

test('a revocation cuts an open stream on its socket, and the turn is answered all the same', { timeout: 60_000 }, async () => {
  fake = await startFakeGemini();
  const at = await start({ GEMINI_API_KEY: 'k', GOOGLE_GEMINI_BASE_URL: fake.url, HOLDFAST_MODELS: 'gemini/fake' });
  const { key, id } = (await at.call<CreatedKey>('POST', '/v1/keys', { name: 'streams' })).body;
  fake.setBehaviour({ text: 'slowly '.repeat(40), chunks: 40, chunkMs: 50 });
  const answer = await fetch(`${at.url}/v1/chat`, {
    method: 'POST',
    headers: { ...bearer(key), 'content-type': 'application/json' },
    body: JSON.stringify({ message: 'go', stream: true }),
  });
  let text = '';
  let over = false;
  void (async () => {
    for await (const piece of answer.body ?? []) text += Buffer.from(piece).toString();
    over = true;
  })();
  await until(() => text.includes('text.delta'));
  expect((await at.call('DELETE', `/v1/keys/${id}`)).status).toBe(200);
  await until(() => over, { ms: 1_000 });
  expect(text).not.toContain('turn.end');
  const turnId = /"turnId":"(trn_\w+)"/.exec(text)?.[1];
  await until(async () => (await at.call<{ status: string }>('GET', `/v1/turns/${turnId}`)).body.status === 'completed', { ms: 10_000 });
  await at.stop();
});
