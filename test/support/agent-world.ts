// A real agent over a real SQLite store in a temporary folder, with a scripted provider in place of the network.
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Agent, Submission, TurnHandle } from '../../src/agent/agent.ts';
import { createAgent } from '../../src/agent/create-agent.ts';
import type { Middleware } from '../../src/agent/define-agent.ts';
import { createPoints } from '../../src/agent/middleware.ts';
import { createToolbox } from '../../src/agent/toolbox.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { AppError } from '../../src/base/errors.ts';
import { createIds } from '../../src/base/ids.ts';
import { silentLogger } from '../../src/base/log.ts';
import { START, type TurnEvent } from '../../src/contract/events.ts';
import { createMetrics } from '../../src/metrics/create-metrics.ts';
import { createModels } from '../../src/model/create-models.ts';
import type { Models } from '../../src/model/models.ts';
import type { Database } from '../../src/store/database.ts';
import { openStore } from '../../src/store/open-store.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Principal, Store } from '../../src/store/store.ts';
import { defineTool } from '../../src/tools/define-tool.ts';
import { toolSpecs } from '../../src/tools/json-schema.ts';
import type { Tool } from '../../src/tools/tool.ts';
import { createScriptedProvider, type ScriptedProvider } from './scripted-provider.ts';

export const local: Principal = { id: 'local', role: 'admin', tenant: 'default' };

export interface AgentWorld {
  agent: Agent;
  store: Store;
  provider: ScriptedProvider;
  say(message: string, more?: Partial<Submission>): Promise<TurnHandle>;
  /** Stops everything; with `crash` the agent is left where it is, as a killed process would leave its data. */
  close(how?: 'crash'): Promise<void>;
}

export interface WorldOptions {
  tools?: Tool[];
  middleware?: Middleware[];
  deadlineMs?: number;
  drainMs?: number;
  turnExpiryMs?: number;
  stepsMax?: number;
  /** In place of the scripted provider; closed with the world. */
  models?: Models;
  /** Puts something between the store and its database, to play a disk that lies. */
  between?: (database: Database) => Database;
}

/** A folder with a key: worlds opened on it one after the other see the same data. */
export function createHome(): { path: string; key: KeyObject; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-agent-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  return { path: join(folder, 'agent_state.db'), key: createSecretKey(randomBytes(32)), remove };
}

export async function openWorld(home: { path: string; key: KeyObject }, options: WorldOptions = {}): Promise<AgentWorld> {
  const {
    tools = [],
    middleware = [],
    deadlineMs = 5_000,
    drainMs = 1_000,
    turnExpiryMs = 600_000,
    stepsMax = 8,
    between = (database: Database) => database,
  } = options;
  const base = { clock: systemClock, log: silentLogger };
  const ids = createIds(systemClock);
  const database = between(openSqlite({ path: home.path, ...base }));
  const store = await openStore({ database, masterKey: home.key, ids, ...base });
  const provider = createScriptedProvider();
  const gemini = { baseUrl: 'http://127.0.0.1:9' };
  const scripted = () =>
    createModels({
      config: { gemini, models: ['script/one'], firstByteMs: 5_000, idleMs: 5_000, modelConcurrency: 64 },
      ...base,
      random: Math.random,
      providers: { script: provider },
    });
  const models = options.models ?? scripted();
  const config = { deadlineMs, streamDeadlineMs: deadlineMs, drainMs, turnExpiryMs, historyMessages: 40, stepsMax };
  const agent = createAgent({
    ...base,
    ...{ store, models, ids, config },
    instructions: 'Be kind.',
    points: createPoints(middleware, base),
    toolbox: createToolbox(tools, toolSpecs(tools), base),
    figures: createMetrics({ ...base, run: 'test', minutes: store.minutes, models: [], tools: [] }).figures,
    random: Math.random,
  });
  await agent.start();
  return {
    ...{ agent, store, provider },
    say: (message, more = {}) =>
      agent.submit({ principal: local, requestId: ids.make('req'), message, stream: false, arrivedAt: systemClock.monotonic(), ...more }),
    async close(how) {
      if (how !== 'crash') await agent.stop();
      await models.close();
      await store.close();
    },
  };
}

/** Reads a turn's events to their end. */
export async function eventsOf(handle: TurnHandle): Promise<TurnEvent[]> {
  const cursor = handle.events(START);
  const all: TurnEvent[] = [];
  for (let events = await cursor.next(); events.length > 0; events = await cursor.next()) all.push(...events.map(({ event }) => event));
  return all;
}

/** The answer of a turn that ended. */
export async function answerOf(handle: TurnHandle) {
  const outcome = await handle.outcome();
  if (outcome.kind !== 'ended') throw new Error(`the turn did not end: ${outcome.kind}`);
  return outcome.turn;
}

/** The code of the AppError a promise rejects with. */
export const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'resolved',
    (error: AppError) => error.code,
  );

/** The text a reader holds after these events. */
export const textOf = (events: TurnEvent[]) =>
  events.reduce((text, event) => (event.type === 'turn.restart' ? '' : event.type === 'text.delta' ? text + event.text : text), '');

/** A tool whose effects are counted outside the store. */
export function counter(name: string, more: { repeatable?: boolean; run?: () => Promise<string> } = {}) {
  const effects: string[] = [];
  const tool = defineTool({
    name,
    description: 'counts',
    input: z.object({}),
    repeatable: more.repeatable,
    async run(_input, { callId }) {
      effects.push(callId);
      return (await more.run?.()) ?? 'done';
    },
  });
  return { tool, effects };
}
