import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ServerProcess, startServer } from '../test/support/server-process.ts';
import { need, type Target } from './api.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { createUserClient } from './user-client.ts';
import { type Verification, verify } from './verify.ts';

let server: ServerProcess;
const proxies: Server[] = [];
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  for (const proxy of proxies) proxy.close();
  await server.stop();
  server.remove();
});

/** Stands between the check and the agent, and tells another story of it. */
async function liar(lie: (path: string, body: string) => string): Promise<Target> {
  const proxy = createServer(async (request, response) => {
    const answer = await fetch(`${server.url}${request.url}`, {
      method: request.method ?? 'GET',
      headers: headersOf(request),
      ...(request.method === 'POST' ? { body: Buffer.concat((await request.toArray()) as Buffer[]) } : {}),
    });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    response.end(lie(request.url ?? '', await answer.text()));
  });
  proxies.push(proxy);
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, apiKey: server.token };
}

const headersOf = ({ headers }: IncomingMessage) =>
  Object.fromEntries(
    ['authorization', 'content-type', 'idempotency-key'].flatMap((name) => (headers[name] ? [[name, String(headers[name])]] : [])),
  );

/** Twelve messages that were really answered, in one session. */
async function answered(): Promise<{ ledger: Ledger; sessions: string[] }> {
  const target = { url: server.url, apiKey: server.token };
  const { id } = await need<{ id: string }>(target, 'POST', '/v1/sessions', {});
  const ledger = createLedger('Hello');
  const client = createUserClient(target, { connections: 2, timeoutMs: 10_000 });
  for (let count = 0; count < 12; count += 1) await client.send(ledger.open(count % 2 ? 'json' : 'stream', id));
  client.close();
  return { ledger, sessions: [id] };
}

async function judged(lie: (path: string, body: string) => string, accepted = 12): Promise<Verification> {
  return verify({ ...(await answered()), target: await liar(lie) }, async () => accepted);
}

type Page = { data: { turnId: string; reply: string }[] };
const inList = (change: (page: Page) => void) => (path: string, body: string) => {
  if (!path.startsWith('/v1/turns?')) return body;
  const page = JSON.parse(body) as Page;
  change(page);
  return JSON.stringify(page);
};

test('an agent that has what it answered holds', async () => {
  const clean = { sent: 12, answered: 12, askedAgain: 0, unknown: 0, stored: 12, lost: 0, doubled: 0, different: 0, replayedWrong: 0 };
  expect(await judged((_, body) => body)).toMatchObject({ ...clean, replayed: 12, holds: true });
});

test.each<[string, (path: string, body: string) => string, Partial<Verification>]>([
  ['that has lost one', inList(({ data }) => data.pop()), { lost: 1 }],
  ['that has one too many', inList(({ data }) => data.push({ ...data[0], turnId: 'trn_more', reply: '' })), { doubled: 1 }],
  [
    'that has another reply',
    inList(({ data }) => {
      for (const turn of data.slice(0, 1)) turn.reply = 'Something else.';
    }),
    { different: 1 },
  ],
  [
    'that makes a new turn of a known key',
    (path, body) => (path === '/v1/chat' ? body.replace(/trn_\w+/, 'trn_another') : body),
    { replayedWrong: 12 },
  ],
])('an agent %s does not', async (_, lie, found) => {
  expect(await judged(lie)).toMatchObject({ ...found, holds: false });
});

test('an agent that counted fewer than it answered does not hold', async () => {
  expect((await judged((_, body) => body, 11)).holds).toBe(false);
});

test('what was cut off is asked again under its key, and is one turn', async () => {
  const { ledger, sessions } = await answered();
  for (const entry of [...ledger.sent.values()].slice(0, 3)) {
    delete entry.answer;
    entry.trouble = 'cut';
  }
  const target = { url: server.url, apiKey: server.token };
  expect(await verify({ ledger, sessions, target }, async () => null)).toMatchObject({
    askedAgain: 3,
    answered: 12,
    stored: 12,
    holds: true,
  });
});
