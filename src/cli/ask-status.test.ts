import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createCliTest } from '../../test/support/cli-context.ts';
import { answerError } from './http-client.ts';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** Takes connections and never says a word, as a stopped process does. */
async function hung(): Promise<string> {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('an agent that hangs is named as that within seconds, by status, chat and doctor, with the way out', async () => {
  const { run } = createCliTest({ env: { HOLDFAST_URL: await hung() } });
  const began = performance.now();
  expect(await run('status')).toMatchObject({
    exit: 5,
    err: expect.stringMatching(/does not answer: it hangs.*\nFix: .*stop --timeout 5s --force && .*start/),
  });
  expect((await run('chat', '--timeout', '1ms', 'Hello')).err).toContain('stop --timeout 5s --force');
  expect((await run('doctor')).out).toContain('stop --timeout 5s --force');
  expect(performance.now() - began).toBeLessThan(20_000);
}, 30_000);

test('a key of the environment that is refused is named, and how to do without it', () => {
  const refused = { status: 401, headers: {}, body: { title: 'A valid API key is needed.', code: 'unauthenticated' } };
  const local = { baseUrl: 'http://127.0.0.1:1', isLocal: true } as const;
  const error = answerError({ ...local, bearerFrom: 'the environment' }, refused);
  expect([error.message, error.fix]).toEqual([
    'A valid API key is needed. HOLDFAST_API_KEY from the environment was refused.',
    expect.stringMatching(/^unset HOLDFAST_API_KEY /),
  ]);
  expect(answerError(local, refused).message).toBe('A valid API key is needed.');
});
