// The story of one turn, from its place in the lane to the stored answer.

import type { Clock } from '../base/clock.ts';
import { pause } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { joinSteps, type Part } from '../contract/message.ts';
import type { TerminalStatus, TurnReason, TurnRecord } from '../contract/turn.ts';
import type { CommitInput, StoredTurn } from '../store/store.ts';
import { presentTurn } from './answer.ts';
import { fallbackFor, isLasting } from './fallback.ts';
import type { LiveTurn } from './live-turn.ts';
import { type LoopParts, type Progress, type Thought, think } from './loop.ts';
import { problemOf } from './problem-of.ts';

export interface TurnParts extends LoopParts {
  log: Logger;
  /** Aborts when the process drains: nothing new is tried then. */
  draining: AbortSignal;
  onRecord(record: TurnRecord): void;
}

const HEAL_BASE_MS = 250;
const HEAL_CAP_MS = 2_000;

/** Runs a turn to its one terminal state, or leaves it open for the next process. Must not reject. */
export async function runTurn(parts: TurnParts, live: LiveTurn): Promise<void> {
  live.state = 'running';
  live.waitingFor = undefined;
  live.runAt = parts.clock.monotonic();
  const progress: Progress = { steps: [], audited: 0, usage: { inputTokens: 0, outputTokens: 0 }, texts: [], model: null };
  const thought = await thinkSafely(parts, live, progress);
  if (thought === 'left' || live.stopped() === 'drain') return leave(live, 'left');
  if (thought === 'gone') return leave(live, 'gone');

  const verdict = await judge(parts, live, progress, thought);
  const record = recordOf(parts.clock, live, progress, verdict);
  const input = { turn: live.turn, ...verdict, record, acts: progress.steps.slice(progress.audited) };
  const committed = await commit(parts, live, input);
  if (typeof committed === 'string') return leave(live, committed);

  const { stored, written } = committed;
  const texts = {
    reply: verdict.text === '' && verdict.status !== 'completed' ? null : verdict.text,
    incomplete: verdict.incomplete,
    fallback: verdict.fallback ?? null,
  };
  const answer = presentTurn(stored, written === input ? texts : { reply: null, incomplete: false, fallback: null });
  live.release();
  live.feed.end(answer);
  live.settle({ kind: 'ended', turn: answer });
  parts.onRecord(written.record);
}

/** Ends the run without an end of the turn: it stays open for the next process, or was deleted with its session. */
function leave(live: LiveTurn, kind: 'left' | 'gone'): void {
  live.release();
  live.feed.leave();
  live.settle({ kind });
}

/** Thinks, and when the store fails in between waits for it to heal and thinks again from what is durable. */
async function thinkSafely(parts: TurnParts, live: LiveTurn, progress: Progress): Promise<Thought | 'left' | 'gone' | 'broken'> {
  for (let again = live.recovered; ; again = true) {
    if (live.stopped()) return { kind: 'stopped', partial: '' };
    try {
      return await think(parts, live, progress, again);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'storage_unavailable') {
        if (error instanceof AppError && error.code === 'conflict') return 'gone';
        parts.log.error('turn.broken', { turnId: live.turn.id, sessionId: live.turn.sessionId, error });
        return 'broken';
      }
      tell(parts, live, error);
      if (!(await healed(parts, live))) return 'left';
      Object.assign(progress, { texts: [] });
    }
  }
}

interface Verdict {
  status: TerminalStatus;
  reason?: TurnReason;
  /** Parts of the last step, for the store. */
  reply: Part[];
  /** All text of the attempt, as readers have it. */
  text: string;
  incomplete: boolean;
  fallback?: string;
}

/** What the turn ends as: the reply, or the honest fallback with what there is of a reply. */
async function judge(parts: TurnParts, live: LiveTurn, progress: Progress, thought: Thought | 'broken'): Promise<Verdict> {
  if (thought === 'broken') return { status: 'failed', reason: 'internal', reply: [], text: '', incomplete: false };
  if (thought.kind === 'reply') return release(parts, live, progress, thought);
  const text = joinSteps([...progress.texts, thought.partial]);
  const reply: Part[] = thought.partial === '' ? [] : [{ type: 'text', text: thought.partial }];
  const cut = { reply, text, incomplete: text !== '' };
  if (thought.kind === 'failed') return degraded(thought.reason, cut, isLasting(parts.models.states()));
  const stopped = live.stopped();
  if (stopped === 'caller' || stopped === 'superseded') return { status: 'cancelled', reason: stopped, ...cut };
  if (live.turn.options.onUnavailable === 'wait') return { status: 'failed', reason: 'expired', reply: [], text: '', incomplete: false };
  return degraded(progress.steps.length === 0 && text === '' && queuedTooLong(live) ? 'queue_timeout' : 'deadline', cut);
}

const degraded = (reason: TurnReason, cut: Pick<Verdict, 'reply' | 'text' | 'incomplete'>, lasting = false): Verdict => ({
  status: 'degraded',
  reason,
  ...cut,
  // Without any text there is nothing to be incomplete; with text the sentence must say that it is cut.
  fallback: fallbackFor(cut.text === '' ? reason : 'incomplete', lasting),
});

const queuedTooLong = (live: LiveTurn): boolean => (live.runAt ?? 0) >= live.deadlineAt - 1;

/** A whole reply passes `onReply` and is then given to the readers, if it was held back or changed. */
async function release(parts: TurnParts, live: LiveTurn, progress: Progress, thought: Thought & { kind: 'reply' }): Promise<Verdict> {
  const { points } = parts;
  let { parts: reply, text } = thought;
  if (points.hasReplyPoint) {
    const changed = await points.onReply({ sessionId: live.turn.sessionId, turnId: live.turn.id, text, model: thought.model }, live.signal);
    if (changed === undefined) {
      if (live.feed.length() > 0) live.feed.restart(live.feed.attempt + 1, joinSteps(progress.texts));
      const kept = joinSteps(progress.texts);
      return { ...degraded('middleware', { reply: [], text: kept, incomplete: kept !== '' }), fallback: fallbackFor('middleware') };
    }
    if (changed !== text) {
      if (points.streams) live.feed.restart(live.feed.attempt + 1, joinSteps(progress.texts));
      reply = changed === '' ? [] : [{ type: 'text', text: changed }];
      text = changed;
    }
    const whole = joinSteps([...progress.texts, text]);
    live.feed.push(whole.slice(live.feed.length()));
  }
  const whole = { reply, text: joinSteps([...progress.texts, text]), incomplete: thought.cut };
  return thought.cut ? degraded('incomplete', whole) : { status: 'completed', ...whole };
}

function recordOf(clock: Clock, live: LiveTurn, progress: Progress, verdict: Verdict): TurnRecord {
  const { turn } = live;
  const now = clock.monotonic();
  return {
    turnId: turn.id,
    sessionId: turn.sessionId,
    principal: turn.principal,
    requestId: turn.requestId,
    status: verdict.status,
    ...(verdict.reason ? { reason: verdict.reason } : {}),
    attempt: live.feed.attempt,
    ...(turn.retryOf ? { retryOf: turn.retryOf } : {}),
    model: verdict.text === '' && verdict.status !== 'completed' ? null : progress.model,
    usage: progress.usage,
    queueMs: Math.round((live.runAt ?? now) - live.startedWaitingAt),
    firstTokenMs: live.firstTokenAt === undefined ? null : Math.round(live.firstTokenAt - live.startedWaitingAt),
    totalMs: Math.round(now - live.startedWaitingAt),
    steps: progress.steps,
  };
}

interface Committed {
  stored: StoredTurn;
  /** What was asked to be written, or what took its place. */
  written: CommitInput;
}

/**
 * Writes the end until it is durable: the answer exists, so it is worth waiting for the disk. What the store refuses for another reason is not
 * tried again: the turn then ends as failed, with nothing but that to write.
 */
async function commit(parts: TurnParts, live: LiveTurn, input: CommitInput): Promise<Committed | 'left' | 'gone'> {
  let wanted = input;
  for (;;) {
    try {
      return { stored: await parts.store.turns.commit(wanted), written: wanted };
    } catch (error) {
      if (error instanceof AppError && error.code === 'conflict') return 'gone';
      if (!(error instanceof AppError) || error.code !== 'storage_unavailable') {
        parts.log.error('turn.broken', { turnId: live.turn.id, sessionId: live.turn.sessionId, error });
        if (wanted.status === 'failed') return 'left';
        wanted = failedInput(wanted);
        continue;
      }
      tell(parts, live, error);
      if (!(await healed(parts, live))) return 'left';
    }
  }
}

/** The same turn ended as failed: no reply, no fallback, so nothing that could be refused the way the first end was. */
function failedInput({ turn, record, acts }: CommitInput): CommitInput {
  const end = { status: 'failed', reason: 'internal' } as const;
  return { turn, ...end, reply: [], incomplete: false, record: { ...record, ...end, model: null }, acts };
}

/** Those who wait now learn that the outcome could not be stored; the turn goes on. */
function tell(parts: TurnParts, live: LiveTurn, cause: unknown): void {
  parts.log.error('turn.unstored', { turnId: live.turn.id, sessionId: live.turn.sessionId, error: cause });
  const sentence = 'The answer could not be stored yet; the turn is still open and will be answered.';
  const error = new AppError('storage_unavailable', { sentence, turnId: live.turn.id, cause });
  live.feed.fail(problemOf(error, live.turn.requestId));
  live.settle({ kind: 'error', error });
}

async function healed(parts: TurnParts, live: LiveTurn): Promise<boolean> {
  for (let tries = 0; !parts.draining.aborted; tries += 1) {
    await pause(parts.clock, Math.min(HEAL_CAP_MS, HEAL_BASE_MS * 2 ** tries), parts.draining);
    if (live.stopped() === 'drain') return false;
    if (parts.store.health().writable) return !parts.draining.aborted;
  }
  return false;
}
