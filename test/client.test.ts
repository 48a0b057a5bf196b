// `holdfast/client` as it ships, against the real server, over connections that break.
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type * as Published from '../src/client.ts';
import { type FakeGemini, startFakeGemini } from './support/fake-gemini/fake-gemini.ts';
import { builtProgram, type ServerProcess, startServer } from './support/server-process.ts';
import { until } from './support/until.ts';

const ADMIN = 'hf_admin_of_the_client_test_0123456789';
let published: typeof Published;
let fake: FakeGemini;
let server: ServerProcess;
let client: Published.Client;
const env = () => ({
  HOLDFAST_ADMIN_KEY: ADMIN,
  GEMINI_API_KEY: 'client-test-key',
  GOOGLE_GEMINI_BASE_URL: fake.url,
  HOLDFAST_MODELS: 'gemini/fake',
});

beforeAll(async () => {
  published = (await import(pathToFileURL(builtProgram('client')).href)) as typeof Published;
  fake = await startFakeGemini();
  server = await startServer({ env: env() });
  client = published.createClient({ url: `${server.url}/`, apiKey: ADMIN });
});
afterAll(async () => {
  await server.stop();
  server.remove();
  await fake.stop();
});

describe('an operation', () => {
  test('takes and gives what the contract says', async () => {
    fake.setBehaviour({ text: 'All is well.' });
    const turn = await client.chat({ body: { message: 'Hi', metadata: { ticket: 7 } } });
    expect(turn).toMatchObject({ status: 'completed', reply: 'All is well.' });
    expect((await client.getTurn({ id: turn.turnId })).reply).toBe('All is well.');
    const session = await client.patchSession({ id: turn.sessionId, body: { title: 'A/B & C' } });
    expect(session.title).toBe('A/B & C');
    const page = await client.listMessages({ id: session.id, query: { limit: 1 } });
    expect([page.data.length, page.hasMore]).toEqual([1, true]);
    expect((await client.status()).requests.accepted).toBeGreaterThan(0);
    expect((await client.health()).status).toBe('ok');
    expect(await client.deleteSession({ id: session.id })).toEqual({ id: session.id, erasure: 'complete' });
  });

  test('that fails rejects with the problem', async () => {
    const failed = (work: Promise<unknown>) =>
      work.then(
        () => expect.fail(),
        (error: Published.HoldfastError) => error,
      );
    const missing = await failed(client.getSession({ id: 'ses_00000000000000000000000000' }));
    expect(missing).toBeInstanceOf(published.HoldfastError);
    expect(missing).toMatchObject({ code: 'not_found', status: 404, requestId: expect.stringMatching(/^req_/) });
    const wrong = await failed(client.chat({ body: { message: '' } }));
    expect(wrong).toMatchObject({ code: 'invalid_request', status: 422, message: expect.stringContaining('message') });
    const stranger = published.createClient({ url: server.url, apiKey: 'hf_nobody' });
    expect(await failed(stranger.status())).toMatchObject({ code: 'unauthenticated', status: 401 });
    const nobody = published.createClient({ url: 'http://127.0.0.1:9' });
    expect(await failed(nobody.health({}, { retries: 0 }))).toMatchObject({ code: 'network', status: 0 });
    const given = new Error('given up');
    await expect(client.health({}, { signal: AbortSignal.abort(given) })).rejects.toBe(given);
  });

  test('whose answer is lost on the way is sent again, and is one turn', async () => {
    fake.setBehaviour({ text: 'Once.' });
    const before = fake.requests.length;
    const line = await breaking(server.port, (bytes, connection) => (connection < 2 ? 0 : bytes));
    const turn = await published.createClient({ url: line.url, apiKey: ADMIN }).chat({ body: { message: 'Once, please' } });
    expect(turn).toMatchObject({ status: 'completed', reply: 'Once.' });
    expect(line.connections()).toBe(3);
    expect(fake.requests.length - before).toBe(1);
    await line.close();
  });
});

test('a message can be handed over without waiting for its answer', async () => {
  fake.setBehaviour({ text: 'Later.', latencyMs: 300 });
  const open = await client.chat({ body: { message: 'No hurry' } }, { respondAsync: true });
  expect(['queued', 'running']).toContain(open.status);
  let end: Published.Turn | undefined;
  for await (const event of client.follow(open.turnId)) if (event.type === 'turn.end') end = event.turn;
  expect(end).toMatchObject({ turnId: open.turnId, status: 'completed', reply: 'Later.' });
});

describe('a stream', () => {
  /** The text as a reader puts it together, held to what the end says. */
  async function read(stream: AsyncGenerator<Published.TurnEvent>, onEvent?: (event: Published.TurnEvent, text: string) => void) {
    let text = '';
    for await (const event of stream) {
      if (event.type === 'turn.restart') text = '';
      if (event.type === 'text.delta') {
        expect(event.at).toBe(text.length);
        text += event.text;
      }
      onEvent?.(event, text);
      if (event.type === 'turn.end') return { text, turn: event.turn };
    }
    throw new Error('the stream ended without an end');
  }

  test('goes on over connections that are cut anywhere, without gap or repetition', async () => {
    fake.setBehaviour({ words: 120, chunks: 24, chunkMs: 15 });
    let cuts = 0;
    const line = await breaking(server.port, (bytes, connection) => {
      const cut = 400 + ((connection * 977) % 1_500);
      cuts += bytes > cut ? 1 : 0;
      return Math.min(bytes, cut);
    });
    const { text, turn } = await read(published.createClient({ url: line.url, apiKey: ADMIN }).stream({ message: 'Tell me' }));
    expect(turn).toMatchObject({ status: 'completed', reply: text });
    expect(text.length).toBeGreaterThan(500);
    expect(cuts).toBeGreaterThan(2);
    await line.close();
  });

  test('of a turn is found again by its id, and left without cancelling it', async () => {
    fake.setBehaviour({ words: 30, chunks: 10, chunkMs: 20 });
    let turnId = '';
    for await (const event of client.stream({ message: 'Tell me' })) {
      if (event.type !== 'turn.start') continue;
      turnId = event.turnId;
      break;
    }
    const { text, turn } = await read(client.follow(turnId));
    expect(turn).toMatchObject({ turnId, status: 'completed', reply: text });
  });

  test('comes back when the server is killed and started again', async () => {
    fake.setBehaviour({ words: 60, chunks: 12, chunkMs: 30 });
    const port = server.port;
    let killed: Promise<unknown> | undefined;
    const { turn, text } = await read(client.stream({ message: 'Tell me' }, { retries: 40 }), (_, said) => {
      if (said.length > 60)
        killed ??= server.kill9().then(async () => {
          server = await startServer({ folder: server.folder, env: { ...env(), PORT: String(port) } });
        });
    });
    await killed;
    expect(turn).toMatchObject({ status: 'completed', reply: text });
    expect((await client.getTurn({ id: turn.turnId })).reply).toBe(text);
  });

  test('of the log is one of the others', async () => {
    const lines: Record<string, unknown>[] = [];
    for await (const { event, data } of client.events('listLogs', { query: { limit: 2 } })) {
      expect(event).toBe('log.line');
      if (lines.push(JSON.parse(data)) === 2) break;
    }
    expect(lines.every(({ event }) => typeof event === 'string')).toBe(true);
  });
});

/** A line to the server on which each connection hands over only as many bytes of the answer as `allow` says, and then breaks. */
async function breaking(port: number, allow: (bytes: number, connection: number) => number) {
  let count = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((near) => {
    const connection = count++;
    const far = dial(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    let [seen, sent] = [0, 0];
    far.on('data', (bytes: Buffer) => {
      seen += bytes.length;
      const allowed = allow(seen, connection);
      near.write(bytes.subarray(0, Math.max(0, allowed - sent)));
      sent = Math.max(sent, allowed);
      if (allowed < seen) near.destroySoon();
    });
  });
  server.listen(0, '127.0.0.1');
  await until(() => server.listening);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => count,
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
