// Composes the agent: admission, lanes, recovery and drain around the story in turn.ts.
import { type Clock, pause } from '../base/clock.ts';
import type { Config } from '../base/config.ts';
import { AppError } from '../base/errors.ts';
import type { Ids } from '../base/ids.ts';
import type { Logger } from '../base/log.ts';
import type { TurnFigures } from '../metrics/figures.ts';
import type { Models } from '../model/models.ts';
import type { Principal, Store } from '../store/store.ts';
import { createAdmission } from './admission.ts';
import type { Agent } from './agent.ts';
import { createLanes, type Lanes } from './lanes.ts';
import { createLiveTurns, type LiveTurns } from './live-turns.ts';
import { logTurn } from './log-turn.ts';
import { createLookup } from './lookup.ts';
import type { Points } from './middleware.ts';
import { createOwners } from './owners.ts';
import { recoverOpenTurns } from './recover.ts';
import type { Toolbox } from './toolbox.ts';
import { runTurn, type TurnParts } from './turn.ts';

/** A drained turn gets this long to notice that it must stop. */
const STOP_MS = 500;

export interface AgentParts {
  store: Store;
  models: Models;
  points: Points;
  toolbox: Toolbox;
  instructions: string;
  config: Pick<Config, 'deadlineMs' | 'streamDeadlineMs' | 'drainMs' | 'turnExpiryMs' | 'historyMessages' | 'stepsMax'>;
  figures: TurnFigures;
  clock: Clock;
  ids: Ids;
  log: Logger;
  random: () => number;
}

export function createAgent(parts: AgentParts): Agent {
  const { store, clock, config, figures, log } = parts;
  const live = createLiveTurns();
  const draining = new AbortController();
  const turnParts = turnPartsOf(parts, draining.signal);
  const lanes = createLanes(async (turn) => {
    try {
      await runTurn(turnParts, turn);
    } catch (error) {
      // A defect of ours that concerns one turn; it stays open, and the others go on.
      log.error('turn.broken', { turnId: turn.turn.id, sessionId: turn.turn.sessionId, error });
      turn.settle({ kind: 'error', error: new AppError('internal', { cause: error }) });
    } finally {
      live.remove(turn.turn.id);
    }
  });
  const owners = createOwners(store);
  const lookup = createLookup({ store, live, clock, waitMs: config.deadlineMs });
  const admission = createAdmission({ ...parts, live, lanes, owners, draining: draining.signal });
  let ready = false;
  let restored = false;
  let drained = 0;

  const assertReady = () => {
    if (!ready) throw new AppError('draining');
  };
  return {
    find: lookup.find,
    view: lookup.view,
    trace: lookup.trace,
    cancel: lookup.cancel,
    async submit(submission) {
      assertReady();
      return admission.submit(submission);
    },
    async retry(turnId, submission) {
      assertReady();
      const turn = await lookup.turn(turnId, submission.principal);
      if (!turn) throw new AppError('not_found');
      return admission.retry(turn, submission);
    },
    async erase(sessionId, principal, requestId) {
      if (!(await owners.allows(sessionId, principal))) return false;
      await stopLane(lanes, sessionId);
      await store.sessions.erase(sessionId, { principal, requestId });
      owners.forget(sessionId);
      return true;
    },
    figures() {
      const { accepted, byStatus, perMinute, latencyMs } = figures.read();
      const oldest = live.all().reduce((least, each) => Math.min(least, each.startedWaitingAt), Number.POSITIVE_INFINITY);
      const oldestOpenMs = live.size === 0 ? null : clock.monotonic() - oldest;
      return { accepted, ...byStatus, open: live.size, oldestOpenMs, perMinute, latencyMs, sessionRestored: restored, drained };
    },
    async start() {
      const principal: Principal = { id: 'system', role: 'admin', tenant: 'default' };
      restored = (await store.sessions.current()) !== undefined;
      if (!restored) await store.sessions.create({ id: parts.ids.make('ses'), principal, requestId: '', current: true });
      await recoverOpenTurns({ store, clock, log, turnExpiryMs: config.turnExpiryMs }, admission.enterRecovered);
      ready = true;
    },
    async stop() {
      ready = false;
      const open = live.size;
      await drain(live, { clock, drainMs: config.drainMs, draining });
      drained = open - live.size;
    },
  };
}

const turnPartsOf = (parts: AgentParts, draining: AbortSignal): TurnParts => ({
  ...parts,
  historyMessages: parts.config.historyMessages,
  stepsMax: parts.config.stepsMax,
  draining,
  onRecord(record) {
    parts.figures.ended(record);
    logTurn(parts.log, record);
  },
});

async function stopLane(lanes: Lanes, sessionId: string): Promise<void> {
  const open = lanes.ofSession(sessionId);
  for (const each of open) each.stop('caller');
  await Promise.all(open.map((each) => each.ended()));
}

/** Waits for turns under way, then tells the rest to stop where they are: they stay open and resumable. */
async function drain(live: LiveTurns, parts: { clock: Clock; drainMs: number; draining: AbortController }): Promise<void> {
  const late = new AbortController();
  const ended = () => Promise.all(live.all().map((each) => each.ended()));
  await Promise.race([ended(), pause(parts.clock, parts.drainMs, late.signal)]);
  parts.draining.abort();
  for (const each of live.all()) each.stop('drain');
  await Promise.race([ended(), pause(parts.clock, STOP_MS, late.signal)]);
  late.abort();
}
