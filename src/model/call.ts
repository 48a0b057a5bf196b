// One model asked within its rules: bulkhead, time limits, retries with budget, and what the breaker learns.
import { fullJitterMs } from '../base/backoff.ts';
import { type Clock, pause } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { ModelAttempt } from '../contract/turn.ts';
import type { Breaker, Health } from './breaker.ts';
import type { Bulkhead } from './bulkhead.ts';
import type { Ask } from './models.ts';
import type { ModelFailure, ModelOutcome, ModelRequest, Provider } from './provider.ts';
import { renderHistory } from './render.ts';
import type { RetryBudget } from './retry-budget.ts';

export const ATTEMPTS_MAX = 3;
export const BACKOFF_BASE_MS = 250;
export const BACKOFF_CAP_MS = 4_000;
/** No work is started with less time left. */
export const WORK_MS_MIN = 250;
/** A provider that ignores its deadline is left behind after this. */
const OVERRUN_MS = 100;
/** Silence for less says nothing about a model's health: a caller with a tiny deadline must not open a breaker for everybody. */
export const SILENCE_COUNTS_MS = 2_000;

/** One model as the rules see it. */
export interface ModelEntry {
  /** As configured: `provider/model` or `demo`. */
  name: string;
  model: string;
  provider: Provider;
  breaker: Breaker;
  bulkhead: Bulkhead;
  /** Code of the last call's failure; undefined after an answer. */
  lastFailure: string | undefined;
  /** How the last call or probe that said anything about it went; undefined before the first. */
  lastHealth: Health | undefined;
}

export interface CallRules {
  clock: Clock;
  random: () => number;
  log: Logger;
  budget: RetryBudget;
  firstByteMs: number;
  idleMs: number;
}

/** One ask under way. */
export interface Run {
  ask: Ask;
  attempts: ModelAttempt[];
  /** Text given to the caller and not voided. */
  emitted: string;
  restarted: boolean;
}

/** Asks one model, again only after a transient failure before its first token. `modelsLeft` counts this one. Must not reject. */
export async function callModel(entry: ModelEntry, run: Run, modelsLeft: number, rules: CallRules): Promise<ModelOutcome> {
  const { ask } = run;
  for (let attempt = 0; ; attempt += 1) {
    const outcome = await attemptOnce(entry, run, modelsLeft, rules);
    if (outcome.ok || outcome.kind !== 'transient' || run.emitted !== '') return outcome;
    if (attempt + 1 >= ATTEMPTS_MAX || outcome.code === 'queue_full' || entry.breaker.state() !== 'ok') return outcome;
    const share = (ask.deadlineAt - rules.clock.monotonic()) / modelsLeft;
    const waitMs = (outcome.retryAfterMs ?? 0) + fullJitterMs(attempt, BACKOFF_BASE_MS, BACKOFF_CAP_MS, rules.random);
    if (waitMs + WORK_MS_MIN > share || !rules.budget.take()) return outcome;
    await pause(rules.clock, waitMs, ask.signal);
    if (ask.signal.aborted) return failed('cancelled', 'cancelled');
    // It may have opened while we waited; a user's request is no probe.
    if (entry.breaker.state() !== 'ok') return outcome;
  }
}

export function failed(kind: ModelFailure['kind'], code: string): ModelFailure {
  return { ok: false, kind, code };
}

async function attemptOnce(entry: ModelEntry, run: Run, modelsLeft: number, rules: CallRules): Promise<ModelOutcome> {
  const { ask } = run;
  const { clock } = rules;
  const latestAt = ask.deadlineAt - WORK_MS_MIN;
  if (ask.signal.aborted) return failed('cancelled', 'cancelled');
  if (clock.monotonic() > latestAt) return failed('deadline', 'deadline');
  const entered = entry.bulkhead.enter(latestAt, ask.signal);
  const place = typeof entered === 'string' ? entered : await entered;
  if (place === 'cancelled') return failed('cancelled', 'cancelled');
  if (place === 'full') return failed('transient', 'queue_full');
  if (place === 'late') return failed('deadline', 'queue_timeout');
  const startedAt = clock.monotonic();
  const outcome = await generate(entry, run, Math.min(rules.firstByteMs, (ask.deadlineAt - startedAt) / modelsLeft), rules);
  const ms = clock.monotonic() - startedAt;
  entry.bulkhead.leave(ms);
  note(entry, run, { outcome, ms }, rules);
  return outcome;
}

/** The provider behind a guard: whatever it does, one outcome comes, soon after the deadline at the latest, and no text after it. */
function generate(entry: ModelEntry, run: Run, firstByteMs: number, rules: CallRules): Promise<ModelOutcome> {
  const { ask } = run;
  return new Promise((resolve) => {
    let over = false;
    const settle = (outcome: ModelOutcome) => {
      if (over) return;
      over = true;
      backstop.cancel();
      resolve(outcome);
    };
    const threw = (error: unknown) => {
      rules.log.error('provider.threw', { provider: entry.provider.name, error });
      settle(failed('cut', 'provider_threw'));
    };
    const onText = (text: string) => {
      if (over || text === '') return;
      run.emitted += text;
      try {
        ask.onText(text);
      } catch (error) {
        rules.log.error('listener.threw', { part: 'model', error });
        settle(failed('cut', 'listener_threw'));
      }
    };
    const backstop = rules.clock.after(ask.deadlineAt - rules.clock.monotonic() + OVERRUN_MS, () => settle(failed('deadline', 'overrun')));
    const limits = { deadlineAt: ask.deadlineAt, firstByteMs, idleMs: rules.idleMs, signal: ask.signal };
    try {
      entry.provider.generate(requestFor(entry, run), limits, onText).then(settle, threw);
    } catch (error) {
      threw(error);
    }
  });
}

/** The history as this provider may see it: signatures of others stay behind. */
function requestFor({ model, provider }: ModelEntry, { ask }: Run): ModelRequest {
  return { ...ask.request, model, messages: renderHistory(ask.request.messages, provider.name) };
}

/** Bookkeeping of one upstream call. */
function note(entry: ModelEntry, run: Run, { outcome, ms }: { outcome: ModelOutcome; ms: number }, rules: CallRules): void {
  const code = outcome.ok ? 'ok' : outcome.code;
  const attempt: ModelAttempt = { provider: entry.provider.name, model: entry.model, code, ms: Math.round(ms) };
  if (outcome.usage) attempt.usage = outcome.usage;
  run.attempts.push(attempt);
  const health = healthOf(outcome, ms, rules.firstByteMs);
  // What has been mended since is no state of the model any more.
  if (outcome.ok) entry.lastFailure = undefined;
  if (!outcome.ok && outcome.kind !== 'cancelled') {
    entry.lastFailure = code;
    rules.log.warn('model.attempt', {
      provider: attempt.provider,
      model: attempt.model,
      code,
      ms: attempt.ms,
      attempt: run.attempts.length,
    });
  }
  if (!health) return;
  entry.lastHealth = health;
  entry.breaker.record(health);
}

/** What a call says about its model, if anything: a request's own fault, our own deadline and a cancel say nothing; a safety stop is an answer. */
export function healthOf(outcome: ModelOutcome, ms: number, firstByteMs: number): Health | undefined {
  if (outcome.ok || outcome.kind === 'blocked') return 'good';
  if (outcome.kind === 'bad_key') return 'bad_key';
  if (outcome.kind === 'silent')
    return outcome.code === 'idle_timeout' || ms >= Math.min(firstByteMs, SILENCE_COUNTS_MS) - 1 ? 'bad' : undefined;
  // Spent on thoughts, stopped by our own limit, or broken by our own listener.
  if (outcome.code === 'output_limit' || outcome.code === 'listener_threw') return undefined;
  return outcome.kind === 'transient' || outcome.kind === 'cut' ? 'bad' : undefined;
}
