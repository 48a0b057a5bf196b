// Ask the model, run its tools, ask again: up to a stated maximum.
import { fullJitterMs } from '../base/backoff.ts';
import { type Clock, pause } from '../base/clock.ts';
import { type CallPart, joinSteps, type ModelMessage, type Part } from '../contract/message.ts';
import type { StepRecord, TurnReason, Usage } from '../contract/turn.ts';
import type { AskOutcome, Models } from '../model/models.ts';
import type { ModelFailure } from '../model/provider.ts';
import type { Store } from '../store/store.ts';
import { readContext, stepMessages } from './context.ts';
import type { LiveTurn } from './live-turn.ts';
import type { Points } from './middleware.ts';
import type { Toolbox } from './toolbox.ts';
import { createVoice, type Voice } from './voice.ts';

/** Calls taken from one model step; an absurd answer with more is cut to these. */
const CALLS_PER_STEP_MAX = 16;
const WAIT_BASE_MS = 500;
const WAIT_CAP_MS = 5_000;

export interface LoopParts {
  store: Store;
  models: Models;
  points: Points;
  toolbox: Toolbox;
  instructions: string;
  historyMessages: number;
  stepsMax: number;
  clock: Clock;
  random: () => number;
}

/** What a run has done so far; a later part of the story reads it even when the loop ended badly. */
export interface Progress {
  steps: StepRecord[];
  /** How many of `steps` are in the audit already. */
  audited: number;
  usage: Usage;
  /** Text of the steps that are durable already. */
  texts: string[];
  model: string | null;
}

export type Thought =
  | { kind: 'reply'; parts: Part[]; text: string; model: string; cut: boolean }
  | { kind: 'failed'; reason: TurnReason; partial: string }
  /** Told to stop: `live.stopped()` says why. */
  | { kind: 'stopped'; partial: string };

/** Rejects only with AppError of the store. `recovered`: durable steps of an earlier run come first. */
export async function think(parts: LoopParts, live: LiveTurn, progress: Progress, recovered: boolean): Promise<Thought> {
  const history = await readContext(parts.store, live.turn, parts.historyMessages);
  const { sessionId, id: turnId } = live.turn;
  const seen = await parts.points.beforeModel({ sessionId, turnId, instructions: parts.instructions, messages: history }, live.signal);
  if (!seen) return live.stopped() ? { kind: 'stopped', partial: '' } : { kind: 'failed', reason: 'middleware', partial: '' };

  const messages = [...seen.messages];
  const durable = recovered ? await resume(parts, live, progress) : { messages: [], next: 1 };
  messages.push(...durable.messages);

  for (let step = durable.next; step <= parts.stepsMax; step += 1) {
    const { outcome, voice } = await ask(parts, live, progress, { instructions: seen.instructions, messages });
    if (voice.broken()) return brokenVoice(live, progress);
    if (!outcome.ok) {
      progress.model = outcome.model;
      return failed(live, outcome.failure, voice.said());
    }
    const { answer, model } = outcome;
    progress.model = model;
    const text = voice.finish();
    if (voice.broken()) return brokenVoice(live, progress);
    const calls = answer.parts.filter((part) => part.type === 'call').slice(0, CALLS_PER_STEP_MAX);
    if (calls.length === 0) {
      return { kind: 'reply', parts: asSpoken(parts.points, answer.parts, text), text, model, cut: answer.finish === 'length' };
    }
    if (live.stopped()) return { kind: 'stopped', partial: voice.said() };
    const asked = askedParts(parts.points, answer.parts, text, calls);
    messages.push(...(await runStep(parts, live, progress, { step, asked, calls, model, usage: answer.usage })));
    progress.texts.push(voice.said());
    if (live.stopped()) return { kind: 'stopped', partial: '' };
  }
  return { kind: 'failed', reason: 'step_limit', partial: '' };
}

/** One model step, asked again while the caller wants to wait for a model. */
async function ask(
  parts: LoopParts,
  live: LiveTurn,
  progress: Progress,
  context: { instructions: string; messages: ModelMessage[] },
): Promise<{ outcome: AskOutcome; voice: Voice }> {
  const { options } = live.turn;
  const waits = options.onUnavailable === 'wait';
  for (let tries = 0; ; tries += 1) {
    let voice = createVoice(live, parts.points, parts.clock);
    const startedAt = parts.clock.monotonic();
    const outcome = await parts.models.ask({
      request: { ...context, messages: [...context.messages], tools: parts.toolbox.specs },
      prefer: options.model,
      deadlineAt: waits ? Math.min(startedAt + options.deadlineMs, live.deadlineAt) : live.deadlineAt,
      signal: live.signal,
      onText: (text) => voice.say(text),
      onRestart() {
        live.feed.restart(live.feed.attempt + 1, joinSteps(progress.texts));
        voice = createVoice(live, parts.points, parts.clock);
        return true;
      },
    });
    progress.steps.push({ kind: 'model', attempts: outcome.attempts, ms: Math.round(parts.clock.monotonic() - startedAt) });
    addUsage(progress.usage, outcome.ok ? outcome.answer.usage : outcome.failure.usage);
    if (outcome.ok || !waits || live.stopped() || outcome.failure.kind === 'blocked') return { outcome, voice };
    if (voice.said() !== '') live.feed.restart(live.feed.attempt + 1, joinSteps(progress.texts));
    live.waitingFor = 'model';
    await pause(parts.clock, fullJitterMs(tries, WAIT_BASE_MS, WAIT_CAP_MS, parts.random), live.signal);
    await parts.models.whenAvailable(live.signal);
    live.waitingFor = undefined;
    if (live.stopped()) return { outcome, voice: createVoice(live, parts.points, parts.clock) };
  }
}

interface AskedStep {
  step: number;
  asked: Part[];
  calls: CallPart[];
  model: string;
  usage: Usage;
}

/** Makes the step durable, runs its tools, makes their outcomes durable. Tools that may run twice need no durable unit before them. */
async function runStep(parts: LoopParts, live: LiveTurn, progress: Progress, step: AskedStep): Promise<ModelMessage[]> {
  const { store, toolbox } = parts;
  const turn = live.turn;
  const acts = progress.steps.slice(progress.audited);
  const writeAsked = () => store.turns.asked({ turn, step: step.step, parts: step.asked, model: step.model, usage: step.usage, acts });
  const repeatable = step.calls.every((call) => toolbox.repeatable(call.name));
  if (!repeatable) {
    await writeAsked();
    progress.audited += acts.length;
  }
  const ran = await toolbox.run(step.calls, live);
  progress.steps.push(...ran.records);
  const told = () => store.turns.told({ turn, step: step.step, results: ran.results, acts: ran.records });
  if (repeatable) await Promise.all([writeAsked(), told()]);
  else await told();
  progress.audited = progress.steps.length;
  return stepMessages({ parts: step.asked, results: ran.results });
}

/** Durable steps of a run that died: repeatable tools without an outcome run again, the others are unknown and stay so. */
async function resume(parts: LoopParts, live: LiveTurn, progress: Progress): Promise<{ messages: ModelMessage[]; next: number }> {
  const messages: ModelMessage[] = [];
  let next = 1;
  for (const stored of await parts.store.turns.steps(live.turn)) {
    let { results } = stored;
    const calls = stored.parts.filter((part) => part.type === 'call');
    if (results) {
      parts.toolbox.remember(live, results);
      // Told and audited by the process that died; the record of the turn names them still.
      const named = new Set(progress.steps.map((each) => (each.kind === 'tool' ? each.callId : '')));
      const unnamed = results.filter(({ callId }) => !named.has(callId)).map((result) => parts.toolbox.record(result));
      if (progress.steps.length === progress.audited) progress.audited += unnamed.length;
      progress.steps.push(...unnamed);
    } else {
      const again = calls.filter((call) => parts.toolbox.repeatable(call.name));
      const ran = await parts.toolbox.run(again, live);
      const known = new Map(ran.results.map((result) => [result.callId, result]));
      results = calls.map((call) => known.get(call.callId) ?? parts.toolbox.unknown(call));
      parts.toolbox.remember(live, results);
      progress.steps.push(
        ...ran.records,
        ...results.filter(({ callId }) => !known.has(callId)).map((result) => parts.toolbox.record(result)),
      );
      await parts.store.turns.told({ turn: live.turn, step: stored.step, results, acts: progress.steps.slice(progress.audited) });
      progress.audited = progress.steps.length;
    }
    const text = stored.parts.reduce((said, part) => (part.type === 'text' ? said + part.text : said), '');
    progress.texts.push(text);
    messages.push(...stepMessages({ parts: stored.parts, results }));
    next = stored.step + 1;
  }
  live.feed.restart(live.feed.attempt, joinSteps(progress.texts));
  return { messages, next };
}

/** Nothing of this step is shown: the author's transform stands between the model and the readers, and it broke. */
function brokenVoice(live: LiveTurn, progress: Progress): Thought {
  live.feed.restart(live.feed.attempt + 1, joinSteps(progress.texts));
  return { kind: 'failed', reason: 'middleware', partial: '' };
}

const REASON_OF: Record<ModelFailure['kind'], TurnReason> = {
  transient: 'model_unavailable',
  silent: 'model_unavailable',
  rejected: 'model_unavailable',
  bad_key: 'model_unavailable',
  cut: 'model_unavailable',
  blocked: 'blocked',
  deadline: 'deadline',
  cancelled: 'deadline',
};

function failed(live: LiveTurn, failure: ModelFailure, partial: string): Thought {
  if (live.stopped()) return { kind: 'stopped', partial };
  const reason = REASON_OF[failure.kind];
  return { kind: 'failed', reason: partial !== '' && reason === 'model_unavailable' ? 'incomplete' : reason, partial };
}

/** The parts as readers have them: a transform's text takes the place of the model's. */
function asSpoken(points: Points, answered: Part[], text: string): Part[] {
  if (!points.transformsText) return answered;
  const others = answered.filter((part) => part.type !== 'text');
  return text === '' ? others : [{ type: 'text', text }, ...others];
}

/** Text before a tool call is not stored when `onReply` must see all text first and cannot see this. */
function askedParts(points: Points, answered: Part[], text: string, calls: CallPart[]): Part[] {
  const kept = new Set(calls.map((call) => call.callId));
  const spoken = points.streams ? asSpoken(points, answered, text) : answered.filter((part) => part.type !== 'text');
  return spoken.filter((part) => part.type !== 'call' || kept.has(part.callId));
}

function addUsage(total: Usage, more: Usage | undefined): void {
  total.inputTokens += more?.inputTokens ?? 0;
  total.outputTokens += more?.outputTokens ?? 0;
}
