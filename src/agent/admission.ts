// Everything between a parsed request and a durable turn in its lane.

import type { Clock } from '../base/clock.ts';
import type { Config } from '../base/config.ts';
import { AppError } from '../base/errors.ts';
import type { Ids } from '../base/ids.ts';
import type { Logger } from '../base/log.ts';
import { missingSetting, providerOf } from '../base/providers.ts';
import { isTerminal } from '../contract/turn.ts';
import type { TurnFigures } from '../metrics/figures.ts';
import type { Models } from '../model/models.ts';
import type { AcceptInput, Store, StoredTurn } from '../store/store.ts';
import type { RetrySubmission, Submission, TurnHandle } from './agent.ts';
import { type Adopt, createAdopt, createDoubts } from './doubts.ts';
import { liveHandle, storedHandle } from './handle.ts';
import type { Lanes } from './lanes.ts';
import { createLiveTurn, type LiveTurn } from './live-turn.ts';
import type { LiveTurns } from './live-turns.ts';
import type { Points } from './middleware.ts';
import type { Owners } from './owners.ts';

/** Open turns in this process, running and queued together. */
const OPEN_TURNS_MAX = 10_000;
const RETRY_AFTER_MS = 1_000;

export interface AdmissionParts {
  store: Store;
  models: Models;
  points: Points;
  figures: TurnFigures;
  config: Pick<Config, 'deadlineMs' | 'streamDeadlineMs' | 'turnExpiryMs'>;
  clock: Clock;
  log: Logger;
  ids: Ids;
  lanes: Lanes;
  owners: Owners;
  live: LiveTurns;
  draining: AbortSignal;
}

export interface Admission {
  submit(submission: Submission): Promise<TurnHandle>;
  retry(turn: StoredTurn, submission: RetrySubmission): Promise<TurnHandle>;
  /** Puts a turn that was taken over from a dead run into its lane. */
  enterRecovered(turn: StoredTurn): void;
}

export function createAdmission(parts: AdmissionParts): Admission {
  const { clock, config, live, lanes } = parts;

  function enter(turn: StoredTurn, arrivedAt: number, recovered: boolean): LiveTurn {
    const waits = turn.options.onUnavailable === 'wait';
    const deadlineAt = arrivedAt + (waits ? config.turnExpiryMs : turn.options.deadlineMs);
    const fresh = createLiveTurn(turn, { arrivedAt, deadlineAt, recovered }, clock);
    live.add(fresh);
    lanes.enter(fresh);
    return fresh;
  }
  const enterRecovered = (turn: StoredTurn) => void enter(turn, clock.monotonic(), true);
  const desk: Desk = { ...parts, adopt: createAdopt(parts, enterRecovered) };
  const doubts = createDoubts({ ...parts, adopt: desk.adopt });

  async function accept(
    submission: RetrySubmission & Pick<Submission, 'whileBusy'>,
    what: Pick<AcceptInput, 'session' | 'text' | 'retryOf'>,
    metadata?: Submission['metadata'],
  ) {
    const { principal, requestId, idempotency, model, onUnavailable = 'fallback' } = submission;
    const budgetMs = budgetOf(config, submission);
    const options = { model, deadlineMs: budgetMs, onUnavailable, metadata };
    const turnId = parts.ids.make('trn');
    return live.arriving(turnId, async () => {
      const accepting = parts.store.turns.accept({ ...what, turnId, principal, requestId, options, idempotency });
      const accepted = await doubts.watch(turnId, accepting);
      if (accepted.kind === 'known') return attach(desk, accepted, submission);
      parts.figures.accepted({ turnId, sessionId: accepted.turn.sessionId });
      if (submission.whileBusy === 'interrupt') for (const each of lanes.ofSession(what.session.id)) each.stop('superseded');
      return liveHandle(enter(accepted.turn, submission.arrivedAt, false), submission.arrivedAt + budgetMs, clock);
    });
  }

  return {
    enterRecovered,
    async submit(submission) {
      const replayed = await replay(desk, submission);
      if (replayed) return replayed;
      assertRoom(parts, submission);
      const { sessionId, user, metadata, whileBusy } = submission;
      if (sessionId && !(await parts.owners.allows(sessionId, submission.principal))) throw new AppError('not_found');
      const text = await passRequestPoints(parts.points, submission);
      if (!sessionId) {
        return accept(submission, { session: { id: parts.ids.make('ses'), create: { user, metadata } }, text }, metadata);
      }
      const leave = takePlace(lanes, sessionId, whileBusy);
      try {
        return await accept(submission, { session: { id: sessionId }, text }, metadata);
      } finally {
        leave();
      }
    },
    async retry(turn, submission) {
      const replayed = await replay(desk, submission);
      if (replayed) return replayed;
      if (!isTerminal(turn.status) || live.has(turn.id)) throw new AppError('conflict', { sentence: 'The turn is still open.' });
      if (turn.status === 'completed') throw new AppError('conflict', { sentence: 'The turn completed; there is nothing to retry.' });
      assertRoom(parts, submission);
      return accept(submission, { session: { id: turn.sessionId }, retryOf: turn });
    },
  };
}

/** Admission with the way back to turns that nobody runs. */
type Desk = AdmissionParts & { adopt: Adopt };

function budgetOf(config: AdmissionParts['config'], submission: RetrySubmission): number {
  const usual = submission.stream ? config.streamDeadlineMs : config.deadlineMs;
  return Math.min(submission.deadlineMs ?? usual, Math.max(config.streamDeadlineMs, config.deadlineMs));
}

/** A key that was used before leads to its turn, whatever the load and the lane. */
async function replay(parts: Desk, submission: RetrySubmission): Promise<TurnHandle | undefined> {
  if (!submission.idempotency) return undefined;
  const known = await parts.store.turns.known(submission.principal, submission.idempotency);
  return known ? attach(parts, known, submission) : undefined;
}

async function attach(parts: Desk, known: { turnId: string; sameBody: boolean }, submission: RetrySubmission): Promise<TurnHandle> {
  if (!known.sameBody) throw new AppError('idempotency_mismatch');
  const running = (await parts.live.find(known.turnId)) ?? (await parts.adopt(known.turnId));
  if (running) return liveHandle(running, submission.arrivedAt + budgetOf(parts.config, submission), parts.clock);
  const turn = await parts.store.turns.get(known.turnId);
  if (!turn) throw new AppError('not_found', { sentence: 'The turn of this Idempotency-Key was deleted.' });
  return storedHandle(parts.store, turn);
}

function assertRoom(parts: AdmissionParts, submission: RetrySubmission): void {
  const { model } = submission;
  if (model !== undefined && !parts.models.knows(model)) {
    const setting = parts.models.knows(`${providerOf(model)}/any`) ? undefined : missingSetting(model);
    const why = setting === undefined ? '' : `: it has no ${setting}`;
    const errors = [{ path: 'model', message: `is not a model this agent can call${why}` }];
    throw new AppError('invalid_request', { sentence: 'This agent has no such model.', status: 422, errors });
  }
  const tooLong = parts.models.expectedWaitMs() > budgetOf(parts.config, submission);
  if (tooLong || parts.live.size >= OPEN_TURNS_MAX) throw new AppError('overloaded', { retryAfterMs: RETRY_AFTER_MS });
}

function takePlace(lanes: Lanes, sessionId: string, whileBusy: Submission['whileBusy']): () => void {
  if (whileBusy === 'reject' && lanes.busy(sessionId)) {
    throw new AppError('conflict', { sentence: 'The session is busy with another message.' });
  }
  const leave = lanes.reserve(sessionId);
  if (!leave) throw new AppError('overloaded', { sentence: 'Too many messages wait in this session.', retryAfterMs: RETRY_AFTER_MS });
  return leave;
}

function passRequestPoints(points: Points, submission: Submission): Promise<string> {
  const { message, sessionId, user, metadata = {}, principal } = submission;
  return points.onRequest({ message, sessionId, user, metadata, principal: { id: principal.id, role: principal.role } });
}
