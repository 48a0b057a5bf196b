// P1 and P4: the server is killed again and again under load; no acknowledged turn is lost or doubled, and every open one ends by itself.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MessageView } from '../src/contract/message.ts';
import type { Page } from '../src/contract/session.ts';
import type { TurnAnswer } from '../src/contract/turn.ts';
import { type FakeGemini, startFakeGemini } from './support/fake-gemini/fake-gemini.ts';
import { type ServerProcess, startServer } from './support/server-process.ts';
import { until } from './support/until.ts';

const CYCLES = Number(process.env.CRASH_CYCLES ?? 8);
const CLIENTS = 16;
const TERMINAL = new Set(['completed', 'degraded', 'failed', 'cancelled']);
const RECOVERY_MS_MAX = 5_000;
const ADMIN_KEY = `hf_${randomBytes(32).toString('base64url')}`;

interface Acknowledged {
  key: string;
  text: string;
  answer: TurnAnswer;
}

let fake: FakeGemini;

beforeAll(async () => {
  fake = await startFakeGemini();
  // Slow enough to be hit in the middle, with pauses between pieces; every fifth message asks for a tool first.
  fake.setBehaviour((request) => {
    const last = request.body().contents?.at(-1)?.parts ?? [];
    const said = last.map((part) => part.text ?? '').join('');
    if (last.some((part) => part.functionResponse)) return { text: 'The tool has spoken.', chunks: 2, chunkMs: 3 };
    const turn = Number(/message (\d+)/.exec(said)?.[1] ?? 0);
    if (turn % 5 === 4) return { calls: [{ name: 'current_time', args: {} }], latencyMs: turn % 7 };
    return { text: `answer to ${said}`, chunks: 4, chunkMs: 2 + (turn % 9), latencyMs: (turn * 13) % 40 };
  });
});

afterAll(() => fake.stop());

const environment = () => ({
  GEMINI_API_KEY: 'crash-test-key',
  HOLDFAST_ADMIN_KEY: ADMIN_KEY,
  GOOGLE_GEMINI_BASE_URL: fake.url,
  HOLDFAST_MODELS: 'gemini/fake',
  HOLDFAST_HISTORY_MESSAGES: '6',
});

/** One person: sends a message, and sends it again with the same key until there is an answer, whatever happens in between. */
async function client(
  id: number,
  address: { server: ServerProcess },
  stopped: () => boolean,
  record: (done: Acknowledged) => void,
): Promise<void> {
  let sessionId: string | undefined;
  for (let turn = 0; !stopped(); turn += 1) {
    const text = `client ${id} message ${turn}`;
    const key = `crash-${id}-${turn}`;
    const answer = await until(() => send(address.server, { message: text, ...(sessionId ? { sessionId } : {}) }, key, turn % 3 === 1), {
      ms: 60_000,
      everyMs: 20,
      what: () => `the answer to "${text}"`,
    });
    sessionId ??= answer.sessionId;
    record({ key, text, answer });
  }
}

/** The terminal answer, or undefined when the connection broke or the server is not ready: try again. */
async function send(server: ServerProcess, body: object, key: string, stream: boolean): Promise<TurnAnswer | undefined> {
  const sent = { ...body, ...(stream ? { stream: true } : {}) };
  try {
    const { status, text } = await server.call('POST', '/v1/chat', sent, { 'idempotency-key': key });
    if (status === 503 || status === 202) return undefined;
    if (status !== 200) throw new Error(`${status} for ${JSON.stringify(sent)}: ${text}`);
    const end = stream ? /event: turn\.end\n(?:id: .*\n)?data: (.*)\n/.exec(text)?.[1] : text;
    return end === undefined ? undefined : (JSON.parse(end) as TurnAnswer);
  } catch (error) {
    if (error instanceof TypeError) return undefined; // fetch: refused, reset or cut
    throw error;
  }
}

async function openTurns(server: ServerProcess): Promise<string[]> {
  const lists = await Promise.all(
    ['queued', 'running'].map((status) => server.call<Page<TurnAnswer>>('GET', `/v1/turns?status=${status}&limit=200`)),
  );
  return lists.flatMap((list) => list.body.data.map((turn) => turn.turnId));
}

/** Milliseconds until every turn that was open at the restart has ended. */
async function settle(server: ServerProcess): Promise<number> {
  const began = performance.now();
  for (const id of await openTurns(server)) {
    await until(async () => TERMINAL.has((await server.call<TurnAnswer>('GET', `/v1/turns/${id}`)).body.status), {
      ms: RECOVERY_MS_MAX - (performance.now() - began),
      what: () => `turn ${id} to end`,
    });
  }
  return performance.now() - began;
}

async function messagesOf(server: ServerProcess, sessionId: string): Promise<MessageView[]> {
  const all: MessageView[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor ? `&cursor=${encodeURIComponent(cursor)}` : '';
    const page = await server.call<Page<MessageView>>('GET', `/v1/sessions/${sessionId}/messages?limit=200${query}`);
    expect(page.status).toBe(200);
    all.push(...page.body.data);
    cursor = page.body.nextCursor;
  } while (cursor);
  return all;
}

test(`${CYCLES} kills under ${CLIENTS} clients lose nothing, double nothing and leave nothing open`, {
  timeout: 60_000 + CYCLES * 10_000,
}, async () => {
  const address = { server: await startServer({ env: environment() }) };
  const { folder, port } = address.server;
  const acknowledged: Acknowledged[] = [];
  const recoveries: number[] = [];
  const starts: number[] = [];
  let stopping = false;
  const clients = Array.from({ length: CLIENTS }, (_, id) =>
    client(
      id,
      address,
      () => stopping,
      (done) => acknowledged.push(done),
    ),
  );
  const everyone = Promise.all(clients);
  let broken: unknown;
  everyone.catch((error: unknown) => {
    broken = error;
  });

  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    const enough = acknowledged.length + Math.floor(Math.random() * 40);
    await until(() => broken !== undefined || acknowledged.length > enough, { ms: 20_000, everyMs: 5, what: () => 'turns to be answered' });
    if (broken !== undefined) throw broken;
    await address.server.kill9();
    address.server = await startServer({ folder, env: { ...environment(), PORT: String(port) } });
    starts.push(address.server.readyAfterMs);
    recoveries.push(await settle(address.server));
  }
  stopping = true;
  await everyone;
  const server = address.server;

  // Everything acknowledged is there, once, as it was said.
  for (const { answer, key, text } of acknowledged) {
    const stored = await server.call<TurnAnswer>('GET', `/v1/turns/${answer.turnId}`);
    expect(stored.status, key).toBe(200);
    expect(stored.body.status, key).toBe(answer.status);
    expect(stored.body.reply, key).toBe(answer.reply);
    expect(answer.status, `${text}: ${answer.reason}`).toBe('completed');
  }
  expect(new Set(acknowledged.map(({ answer }) => answer.turnId)).size).toBe(acknowledged.length);

  // Every session has each message once, in order, each with one reply.
  for (let id = 0; id < CLIENTS; id += 1) {
    const own = acknowledged.filter(({ text }) => text.startsWith(`client ${id} message `));
    const messages = await messagesOf(server, own[0]?.answer.sessionId ?? '');
    const said = messages.filter((message) => message.role === 'user').map((message) => message.text);
    expect(said).toEqual(own.map(({ text }) => text));
    for (const { answer } of own) {
      const replies = messages.filter((message) => message.turnId === answer.turnId && message.role === 'assistant' && message.text !== '');
      expect(replies.map((message) => message.text)).toEqual([answer.reply]);
    }
  }

  // The model was asked for everything that was answered, and never for something that is not stored.
  const asked = new Set(
    fake.requests.flatMap(
      (request) => request.body().contents?.flatMap((content) => content.parts?.map((part) => part.text ?? '') ?? []) ?? [],
    ),
  );
  const known = new Set(acknowledged.map(({ text }) => text));
  for (const text of asked)
    if (text.startsWith('client ')) expect(known.has(text), `the model heard "${text}", which nobody stored`).toBe(true);
  expect(fake.calls()).toBeGreaterThanOrEqual(acknowledged.length);

  expect(await openTurns(server)).toEqual([]);
  expect(Math.max(...recoveries)).toBeLessThan(RECOVERY_MS_MAX);
  console.log(
    `${acknowledged.length} turns, ${CYCLES} kills; ready after ${Math.round(Math.max(...starts))} ms at most, open turns ended after ${Math.round(Math.max(...recoveries))} ms at most`,
  );
  expect((await server.stop()).code).toBe(0);
  server.remove();
});
