// The fallback order: the next model when one could not answer, at most one restart once the caller has seen text.
import { type CallRules, callModel, failed, type ModelEntry, type Run, WORK_MS_MIN } from './call.ts';
import type { Ask, AskOutcome } from './models.ts';
import type { ModelFailure } from './provider.ts';

/** Tries `order` until one answers. Must not reject. */
export async function askInOrder(ask: Ask, order: readonly ModelEntry[], rules: CallRules): Promise<AskOutcome> {
  const run: Run = { ask, attempts: [], emitted: '', restarted: false };
  rules.budget.deposit();
  let failure = failed('transient', 'breaker_open');
  let entry = nextOpen(order, 0);
  let answeredBy: string | null = null;
  while (entry) {
    if (ask.deadlineAt - rules.clock.monotonic() < WORK_MS_MIN) {
      if (run.attempts.length === 0) failure = failed('deadline', 'deadline');
      break;
    }
    const current: ModelEntry = entry;
    answeredBy = current.name;
    const at = order.indexOf(current);
    const outcome = await callModel(current, run, countOpen(order, at), rules);
    if (outcome.ok) return { ok: true, answer: outcome, model: current.name, attempts: run.attempts };
    failure = outcome;
    // The first three are ours or the user's; a safety stop is an answer, and asking the next model would be shopping for another.
    if (outcome.kind === 'cancelled' || outcome.kind === 'deadline' || outcome.kind === 'blocked') break;
    const next = nextOpen(order, at + 1);
    entry = run.emitted === '' ? next : restart(run, () => next ?? again(current, outcome, rules), rules);
  }
  return { ok: false, failure, partial: run.emitted, model: run.emitted === '' ? null : answeredBy, attempts: run.attempts };
}

function nextOpen(order: readonly ModelEntry[], from: number): ModelEntry | undefined {
  for (let at = from; at < order.length; at += 1) {
    const entry = order[at];
    if (entry?.breaker.state() === 'ok') return entry;
  }
  return undefined;
}

function countOpen(order: readonly ModelEntry[], from: number): number {
  return Math.max(1, order.slice(from).filter((entry) => entry.breaker.state() === 'ok').length);
}

/** With no other model left, one that broke off may be asked again; one that fell silent may not. */
function again(entry: ModelEntry, failure: ModelFailure, rules: CallRules): ModelEntry | undefined {
  const broke = failure.kind === 'cut' || failure.kind === 'transient';
  return broke && entry.breaker.state() === 'ok' && rules.budget.take() ? entry : undefined;
}

/** Voids the text so far if another attempt can follow and the caller agrees; once per ask. */
function restart(run: Run, follower: () => ModelEntry | undefined, rules: CallRules): ModelEntry | undefined {
  if (run.restarted || run.ask.deadlineAt - rules.clock.monotonic() < WORK_MS_MIN) return undefined;
  const next = follower();
  if (!next || !run.ask.onRestart()) return undefined;
  run.restarted = true;
  run.emitted = '';
  return next;
}
