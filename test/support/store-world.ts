// A real store on a real file in a folder of its own.
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { createIds, type Ids } from '../../src/base/ids.ts';
import { type Logger, silentLogger } from '../../src/base/log.ts';
import type { Part } from '../../src/contract/message.ts';
import type { TurnRecord } from '../../src/contract/turn.ts';
import type { Database } from '../../src/store/database.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Sealer } from '../../src/store/sealer.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { AcceptInput, CommitInput, Principal, Store, StoredTurn } from '../../src/store/store.ts';

/** Writes what it is given, so that a test can see what would be on disk. */
export const identitySealer: Sealer = {
  seal: (_key, _place, plaintext) => Buffer.from(plaintext),
  open: (_key, _place, record) => Buffer.from(record),
};

export const admin: Principal = { id: 'key_admin', role: 'admin', tenant: 'default' };
export const client: Principal = { id: 'key_client', role: 'client', tenant: 'default' };

export interface StoreWorld {
  folder: string;
  path: string;
  ids: Ids;
  masterKey: KeyObject;
  database(): Database;
  store(other?: { masterKey?: KeyObject; sealer?: Sealer; database?: Database }): Promise<Store>;
  /** Closes every store it opened and removes the folder. */
  end(): Promise<void>;
}

export function createStoreWorld({ clock = systemClock, log = silentLogger }: { clock?: Clock; log?: Logger } = {}): StoreWorld {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-store-'));
  const path = join(folder, 'data', 'agent_state.db');
  const ids = createIds(clock);
  const masterKey = createSecretKey(randomBytes(32));
  const opened: { close(): Promise<void> }[] = [];
  const database = () => {
    const made = openSqlite({ path, clock, log });
    opened.push(made);
    return made;
  };
  return {
    folder,
    path,
    ids,
    masterKey,
    database,
    async store(other = {}) {
      const store = await openStore({ database: other.database ?? database(), masterKey, clock, ids, log, ...other });
      opened.push(store);
      return store;
    },
    async end() {
      for (const each of opened.reverse()) await each.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function question(ids: Ids, text: string, session: AcceptInput['session'], more: Partial<AcceptInput> = {}): AcceptInput {
  const options: AcceptInput['options'] = { deadlineMs: 60_000, onUnavailable: 'fallback' };
  return { turnId: ids.make('trn'), requestId: ids.make('req'), principal: admin, session, text, options, ...more };
}

export async function accepted(store: Store, input: AcceptInput): Promise<StoredTurn> {
  const result = await store.turns.accept(input);
  if (result.kind !== 'accepted') throw new Error('the key was known');
  return result.turn;
}

export function ending(turn: StoredTurn, text: string, more: Partial<CommitInput> = {}): CommitInput {
  const status = more.status ?? 'completed';
  const reply: Part[] = more.reply ?? (text === '' ? [] : [{ type: 'text', text }]);
  const record: TurnRecord = {
    turnId: turn.id,
    sessionId: turn.sessionId,
    principal: turn.principal,
    requestId: turn.requestId,
    status,
    attempt: turn.attempt,
    model: reply.length > 0 ? 'demo/demo' : null,
    usage: { inputTokens: 11, outputTokens: 7 },
    queueMs: 1,
    firstTokenMs: 2,
    totalMs: 3,
    steps: [{ kind: 'model', ms: 3, attempts: [{ provider: 'demo', model: 'demo', code: 'ok', ms: 3 }] }],
    ...(more.reason ? { reason: more.reason } : {}),
    ...more.record,
  };
  return { turn, status, reply, incomplete: false, ...more, record };
}

/** One question and its answer, both durable. */
export async function exchange(store: Store, ids: Ids, sessionId: string, said: { question: string; answer: string }): Promise<StoredTurn> {
  const turn = await accepted(store, question(ids, said.question, { id: sessionId }));
  return store.turns.commit(ending(turn, said.answer));
}

/** Name and bytes of every file under a folder. */
export function filesIn(folder: string): { name: string; bytes: Buffer }[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(folder, name)).isFile())
    .sort()
    .map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
}

export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('it did not reject');
    },
    (error: unknown) => error,
  );
}
