// The composition root: every part is made here, by hand, in floor order.
import type { KeyObject } from 'node:crypto';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type Access, createAccess } from './access/access.ts';
import type { Agent } from './agent/agent.ts';
import { createAgent } from './agent/create-agent.ts';
import type { AgentDefinition } from './agent/define-agent.ts';
import { createPoints } from './agent/middleware.ts';
import { createToolbox } from './agent/toolbox.ts';
import { createTurnWindow, type TurnWindow } from './alerts/turn-window.ts';
import { checkDefinition } from './base/check-definition.ts';
import { type Clock, systemClock } from './base/clock.ts';
import type { Config } from './base/config.ts';
import { ConfigError } from './base/errors.ts';
import { type HomePaths, homePaths, prepareHome, removeToken, writeToken } from './base/home.ts';
import { createIds, type Ids } from './base/ids.ts';
import { createLifecycle, type LifecycleState, type Part } from './base/lifecycle.ts';
import { type Logger, silentLogger } from './base/log.ts';
import { ownModels } from './base/model-list.ts';
import { Secret } from './base/secret.ts';
import { readMasterKey } from './crypto/key-file.ts';
import { noteAct } from './http/note-act.ts';
import { createHttp, type Http } from './http/server.ts';
import { createMetrics, type Metrics } from './metrics/create-metrics.ts';
import type { TurnFigures } from './metrics/figures.ts';
import { createLiveFeed, type LiveFeed } from './metrics/live-feed.ts';
import { turnEnded } from './metrics/turn-ended.ts';
import { createModels } from './model/create-models.ts';
import type { LanguageModel } from './model/language-model.ts';
import type { Models } from './model/models.ts';
import { acquireHomeLock } from './store/home-lock.ts';
import { refuseLostDatabase } from './store/lost-database.ts';
import { openStore } from './store/open-store.ts';
import { explainRefusedStart } from './store/refused-start.ts';
import type { Sealer } from './store/sealer.ts';
import { openSqlite } from './store/sqlite.ts';
import type { Store } from './store/store.ts';
import { builtInTools } from './tools/built-in.ts';
import { toolSpecs } from './tools/json-schema.ts';
import type { Tool } from './tools/tool.ts';
import { createWatch, type Watch, type WatchParts } from './watch.ts';

/** What a test or an embedding program hands in instead of the real thing. */
export interface Overrides {
  clock?: Clock;
  log?: Logger;
  sealer?: Sealer;
  random?: () => number;
  /** The default export of `holdfast.config.ts`; checked when the app starts. */
  agent?: unknown;
  version?: string;
  /** Log lines lost since the start. */
  droppedLines?: () => number;
  /** `HOLDFAST_MASTER_KEY` as the next start would read it; without it, as this one did. */
  nextMasterKey?: () => Secret | undefined;
  /** Shorter waits of the webhook. */
  webhookLimits?: WatchParts['webhookLimits'];
}

export interface Running {
  agentId: string;
  sessionId: string | null;
  port: number;
  /** 0: no listener of its own. */
  dashboardPort: number;
  /** Where a master key was made on this very first start. */
  keyMadeAt?: string;
}

export interface App {
  /** Opens everything; resolves when ready. Rejects with ConfigError for what an operator can mend. */
  start(): Promise<Running>;
  /** Drains and closes in reverse order; idempotent. Resolves with what the drain did. */
  stop(): Promise<{ drained: number; sessionId: string | null }>;
  state(): LifecycleState;
  /** The HTTP app as a function; only after `start`. */
  fetch(request: Request): Promise<Response>;
}

const INSTRUCTIONS =
  'You are a helpful assistant. Answer briefly and truthfully, say so when you do not know, and use the tools you have for the time and for arithmetic.';

export function createApp(config: Config, overrides: Overrides = {}): App {
  const house = createHouse(config, overrides);
  // HTTP opens before the agent, so that probes can say `starting`, and closes after it, so that callers hear how a drain left their turn.
  const parts = [
    homePart(house),
    storePart(house),
    accessPart(house),
    metricsPart(house),
    modelsPart(house),
    httpPart(house),
    agentPart(house),
    watchPart(house),
  ];
  const lifecycle = createLifecycle(parts, (part, error) => house.base.log.error('part.stop_failed', { part, error }));
  house.state = lifecycle.state;
  return {
    state: lifecycle.state,
    fetch: (request) => house.http.get().fetch(request),
    async start() {
      await lifecycle.start().catch((error: unknown) => {
        throw explainRefusedStart(error, homePaths(config.home).database);
      });
      const { port, dashboardPort = 0 } = house.ports.get();
      const sessionId = (await house.store.get().sessions.current())?.id ?? null;
      return { agentId: house.store.get().agentId, sessionId, port, dashboardPort, keyMadeAt: house.keyMadeAt };
    },
    async stop() {
      await lifecycle.stop();
      return house.drain;
    },
  };
}

/** What the parts share while they open, each slot filled by the part of its name. */
interface House {
  config: Config;
  overrides: Overrides;
  base: { clock: Clock; log: Logger; random: () => number };
  ids: Ids;
  /** Names this process in the stored series and the live feed. */
  run: string;
  startedAt: number;
  state(): LifecycleState;
  home: Slot<{ paths: HomePaths; release(): void; token: Secret }>;
  store: Slot<Store>;
  /** What opened the data. */
  masterKey: Slot<KeyObject>;
  metrics: Slot<Metrics>;
  /** What operators watch; whoever learns something publishes it. */
  feed: LiveFeed;
  access: Slot<Access>;
  models: Slot<Models>;
  turns: TurnWindow;
  watch: Slot<Watch>;
  agent: Slot<Agent>;
  http: Slot<Http>;
  ports: Slot<{ port: number; dashboardPort?: number }>;
  keyMadeAt?: string;
  drain: { drained: number; sessionId: string | null };
}

function createHouse(config: Config, overrides: Overrides): House {
  const clock = overrides.clock ?? systemClock;
  const log = overrides.log ?? silentLogger;
  const run = randomBytes(8).toString('hex');
  return {
    config,
    overrides,
    base: { clock, log, random: overrides.random ?? Math.random },
    ids: createIds(clock),
    startedAt: clock.now(),
    state: () => 'stopped',
    home: slot('home'),
    store: slot('store'),
    masterKey: slot('store'),
    run,
    metrics: slot('metrics'),
    feed: createLiveFeed({ clock, run }),
    access: slot('access'),
    models: slot('models'),
    turns: createTurnWindow(clock, config.alerts.windowMs),
    watch: slot('watch'),
    agent: slot('agent'),
    http: slot('http'),
    ports: slot('ports'),
    drain: { drained: 0, sessionId: null },
  };
}

function homePart({ config, home }: House): Part {
  return {
    name: 'home',
    async start() {
      const paths = prepareHome(config.home);
      const lock = acquireHomeLock(paths.lock);
      if (!lock) throw new ConfigError('Another Holdfast server is using this home.', 'holdfast status', { exitCode: 1 });
      home.put({ paths, release: lock.release, token: new Secret(`hf_${randomBytes(32).toString('base64url')}`) });
    },
    async stop() {
      home.get().release();
    },
  };
}

function storePart(house: House): Part {
  const { config, base, ids, overrides } = house;
  return {
    name: 'store',
    async start() {
      const { paths } = house.home.get();
      refuseLostDatabase(paths.database);
      const dataExists = existsSync(paths.database);
      const { key, made } = readMasterKey({ explicit: config.masterKey, file: paths.masterKey, dataExists });
      house.masterKey.put(key);
      if (made) house.keyMadeAt = paths.masterKey;
      const database = openSqlite({ path: paths.database, ...base });
      try {
        house.store.put(await openStore({ database, masterKey: key, ids, sealer: overrides.sealer, clock: base.clock, log: base.log }));
      } catch (error) {
        await database.close();
        throw error;
      }
    },
    stop: () => house.store.get().close(),
  };
}

function metricsPart(house: House): Part {
  const { config, base, metrics, store } = house;
  return {
    name: 'metrics',
    async start() {
      const tools = toolsOf(house).map((tool) => tool.name);
      metrics.put(createMetrics({ ...base, run: house.run, tools, models: config.models, minutes: store.get().minutes }));
    },
    stop: () => metrics.get().stop(),
  };
}

function accessPart({ config, base, ids, home, store, access }: House): Part {
  return {
    name: 'access',
    async start() {
      const { token } = home.get();
      access.put(createAccess({ ...base, ids, random: randomBytes, store: store.get(), adminKey: config.adminKey, localToken: token }));
      await access.get().load();
    },
    stop: () => access.get().stop(),
  };
}

function modelsPart(house: House): Part {
  const { config, base, models, metrics } = house;
  return {
    name: 'models',
    async start() {
      const own = ownModels(definitionOf(house).models) as Map<string, LanguageModel>;
      models.put(createModels({ config, ...base, onProbe: metrics.get().probe, ownModels: own }));
    },
    stop: () => models.get().close(),
  };
}

function httpPart(house: House): Part {
  const { config, base, ids, startedAt, overrides, turns } = house;
  return {
    name: 'http',
    async start() {
      const [store, models, metrics, access] = [house.store.get(), house.models.get(), house.metrics.get(), house.access.get()];
      const agent = makeAgent(house);
      house.agent.put(agent);
      metrics.start(() => agent.figures().open);
      const { paths, token } = house.home.get();
      const { version = '0.0.0', droppedLines = () => 0, webhookLimits } = overrides;
      const parts = { config, ...base, ...aboutOf(house), version, startedAt, droppedLines, store, models, agent };
      const masterKey = { key: house.masterKey.get(), nextMasterKey: overrides.nextMasterKey ?? (() => config.masterKey) };
      const watch = createWatch({ ...parts, paths, turns, webhookLimits, masterKey });
      watch.alerts.onChange((change) => house.feed.publish({ type: 'alert', ...change }));
      house.watch.put(watch);
      const http = createHttp({
        ...parts,
        ...watch,
        ids,
        access,
        metrics,
        feed: house.feed,
        state: () => house.state(),
        logPath: paths.log,
      });
      house.http.put(http);
      house.ports.put(await http.start());
      writeToken(paths, token.reveal());
    },
    async stop() {
      removeToken(house.home.get().paths);
      await house.http.get().stop();
    },
  };
}

/** What the author wrote. Throws ConfigError for what an agent cannot be made of. */
function definitionOf({ overrides }: House): AgentDefinition {
  checkDefinition(overrides.agent);
  return (overrides.agent ?? {}) as AgentDefinition;
}

function aboutOf(house: House) {
  const { name = 'holdfast', middleware = [] } = definitionOf(house);
  return { name, tools: toolsOf(house).map((tool) => tool.name), middleware: middleware.map((each) => each.name) };
}

function makeAgent(house: House): Agent {
  const { config, base, ids, store, models } = house;
  const definition = definitionOf(house);
  const tools = toolsOf(house);
  return createAgent({
    store: store.get(),
    models: models.get(),
    points: createPoints(definition.middleware ?? [], base),
    toolbox: createToolbox(tools, toolSpecs(tools), base),
    instructions: definition.instructions ?? INSTRUCTIONS,
    config,
    figures: figuresOf(house),
    ids,
    ...base,
  });
}

/** What the agent tells goes into the ledger and out to whoever watches. */
function figuresOf({ metrics, feed, turns }: House): TurnFigures {
  const { figures } = metrics.get();
  return {
    read: figures.read,
    accepted(turn) {
      figures.accepted(turn);
      feed.publish({ type: 'turn.accepted', ...turn });
    },
    ended(record) {
      figures.ended(record);
      turns.ended(record);
      feed.publish(turnEnded(record));
    },
  };
}

/** The author's tools take the place of built-in ones of the same name. */
function toolsOf(house: House): Tool[] {
  const { tools: own = [] } = definitionOf(house);
  const names = new Set(own.map((tool) => tool.name));
  return [...builtInTools(house.base.clock).filter((tool) => !names.has(tool.name)), ...own];
}

function agentPart(house: House): Part {
  const { config, overrides } = house;
  const note = async (action: 'agent.start' | 'agent.stop', detail: Record<string, string | number>) => {
    const store = house.store.get();
    await noteAct(
      { store, log: house.base.log },
      { principal: 'system', action, target: store.agentId, requestId: '', outcome: 'ok', detail },
    );
  };
  return {
    name: 'agent',
    async start() {
      await note('agent.start', { version: overrides.version ?? '0.0.0', environment: config.env, models: config.models.join(',') });
      await house.agent.get().start();
    },
    async stop() {
      const agent = house.agent.get();
      await agent.stop();
      await note('agent.stop', { left: agent.figures().open });
      house.drain = { drained: agent.figures().drained, sessionId: (await house.store.get().sessions.current())?.id ?? null };
    },
  };
}

/** Up last and down first: what comes and goes with a start or a drain is no alert. */
function watchPart({ watch }: House): Part {
  return { name: 'watch', start: () => watch.get().start(), stop: () => watch.get().stop() };
}

interface Slot<T> {
  put(value: T): void;
  get(): T;
}

/** Something that exists only once its part has opened. */
function slot<T>(name: string): Slot<T> {
  let held: T | undefined;
  return {
    put(value) {
      held = value;
    },
    get() {
      if (held === undefined) throw new Error(`${name} is used before it was opened`);
      return held;
    },
  };
}
