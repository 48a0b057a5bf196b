// The four ways to put load on an agent.
import type { EventEmitter } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import autocannon from 'autocannon';
import { fail, type Kind, type Ledger, type Sent, settle } from './ledger.ts';
import type { Options } from './options.ts';
import type { Recorder } from './recorder.ts';
import type { UserClient } from './user-client.ts';

export interface Drive {
  options: Options;
  target: { url: string; apiKey: string };
  ledger: Ledger;
  recorder: Recorder;
  client: UserClient;
  /** One for each connection. */
  sessions: readonly string[];
  stop: AbortSignal;
}

/** After so many errors the agent is gone, and more of them teach nothing. autocannon tries again at once, so they come quickly. */
const BAILOUT_ERRORS = 20_000;
const AFTER_ERROR_MS = 100;

/** Resolves when the time is over or `stop` was given. */
export async function drive(given: Drive): Promise<void> {
  const { options, recorder, sessions } = given;
  recorder.connections = options.connections;
  if (options.scenario === 'ramp') return ramp(given);
  if (options.rate !== undefined) return openLoop(given, options.rate);
  const half = Math.ceil(sessions.length / 2);
  const json = options.scenario === 'json' ? sessions : options.scenario === 'mixed' ? sessions.slice(0, half) : [];
  const stream = sessions.slice(json.length);
  await Promise.all([
    json.length > 0 ? autocannonLoop(given, json, options.durationS) : undefined,
    stream.length > 0 ? closedLoop(given, stream) : undefined,
  ]);
}

/** 1, 2, 4 … connections, as long each. */
async function ramp(given: Drive): Promise<void> {
  const { options, recorder, sessions, stop } = given;
  const steps: number[] = [];
  for (let count = 1; count < options.connections; count *= 2) steps.push(count);
  steps.push(options.connections);
  for (const connections of steps) {
    if (stop.aborted) return;
    recorder.connections = connections;
    await autocannonLoop(given, sessions.slice(0, connections), Math.max(1, options.durationS / steps.length));
  }
}

/** JSON answers: each connection sends when it has its answer. */
async function autocannonLoop(given: Drive, sessions: readonly string[], durationS: number): Promise<void> {
  const { options, target, stop } = given;
  let next = 0;
  await new Promise<void>((resolve, reject) => {
    const instance = autocannon(
      {
        url: `${target.url}/v1/chat`,
        connections: sessions.length,
        duration: durationS,
        timeout: options.timeoutS,
        bailout: BAILOUT_ERRORS,
        method: 'POST',
        headers: { authorization: `Bearer ${target.apiKey}`, 'content-type': 'application/json', accept: 'application/json' },
        setupClient: (connection) => attend(given, connection, sessions[next++ % sessions.length] ?? ''),
      },
      (error: unknown) => {
        stop.removeEventListener('abort', finish);
        if (error) reject(error);
        else resolve();
      },
    );
    const finish = () => instance.stop();
    stop.addEventListener('abort', finish);
  });
}

/** One autocannon connection: gives each request its key, and finds out what came of those that autocannon lets fall. */
function attend(given: Drive, connection: autocannon.Client, sessionId: string): void {
  const { ledger, recorder } = given;
  let current: { entry: Sent; sentAt: number } | undefined;
  const end = (code: string | undefined) => {
    if (!current) return;
    if (code !== undefined) fail(current.entry, code);
    recorder.done(current.entry, performance.now() - current.sentAt, null);
    current = undefined;
  };
  connection.setRequests([
    {
      method: 'POST',
      setupRequest(request) {
        // Only a connection that was closed without a word leaves one behind.
        end('closed');
        const entry = ledger.open('json', sessionId);
        current = { entry, sentAt: performance.now() };
        return { ...request, headers: { ...request.headers, 'idempotency-key': entry.key }, body: entry.body };
      },
      onResponse(status, body) {
        if (!current) return;
        settle(current.entry, status, body);
        end(undefined);
      },
    },
  ]);
  // Its types do not know these.
  const events = connection as unknown as EventEmitter;
  events.on('timeout', () => end('timeout'));
  events.on('connError', (error: NodeJS.ErrnoException) => end(error.code ?? 'connection'));
  events.on('done', () => end('cut'));
}

/** Streams: each user sends when the last one has ended. */
async function closedLoop(given: Drive, sessions: readonly string[]): Promise<void> {
  const { options, ledger, stop } = given;
  const over = AbortSignal.any([stop, AbortSignal.timeout(options.durationS * 1000)]);
  const user = async (sessionId: string) => {
    while (!over.aborted && !ledger.isFull) {
      const entry = await sendOne(given, { kind: 'stream', sessionId, dueAt: performance.now(), over });
      if (entry.trouble !== undefined && !over.aborted) await wait(AFTER_ERROR_MS);
    }
  };
  await Promise.all(sessions.map(user));
}

interface Due {
  kind: Kind;
  sessionId: string;
  /** Monotonic. What is measured begins here, whether or not a connection was free. */
  dueAt: number;
  over: AbortSignal;
}

async function sendOne({ ledger, client, recorder }: Drive, { kind, sessionId, dueAt, over }: Due): Promise<Sent> {
  const entry = ledger.open(kind, sessionId);
  const firstTokenAt = await client.send(entry, over);
  recorder.done(entry, performance.now() - dueAt, firstTokenAt === null ? null : firstTokenAt - dueAt);
  return entry;
}

/** Messages come due at fixed times, whatever the agent does; one without a free connection waits, and its wait is measured. */
async function openLoop(given: Drive, rate: number): Promise<void> {
  const { options, sessions, ledger, recorder, stop } = given;
  const over = AbortSignal.any([stop, AbortSignal.timeout(options.durationS * 1000)]);
  const began = performance.now();
  const total = Math.max(1, Math.floor(rate * options.durationS));
  let taken = 0;
  const user = async (sessionId: string, index: number) => {
    while (!over.aborted && taken < total && !ledger.isFull) {
      const dueAt = began + (taken * 1000) / rate;
      taken += 1;
      const early = dueAt - performance.now();
      if (early > 0) await wait(early, undefined, { signal: over }).catch(() => undefined);
      if (over.aborted) return;
      const kind = options.scenario === 'mixed' ? (index % 2 === 0 ? 'json' : 'stream') : options.scenario === 'stream' ? 'stream' : 'json';
      await sendOne(given, { kind, sessionId, dueAt, over });
    }
  };
  await Promise.all(sessions.map(user));
  recorder.neverSent = total - taken;
}
