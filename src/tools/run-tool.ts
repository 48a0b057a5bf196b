// One tool call as a pipeline of values: prepare (validate) → execute → finish (JSON, bounded).
import type { Clock } from '../base/clock.ts';
import type { Json } from '../contract/message.ts';
import type { StandardResult, Tool, ToolContext } from './tool.ts';
import { ToolRefusal } from './tool-refusal.ts';

export const RESULT_CHARS_MAX = 256 * 1024;
export const RESULT_DEPTH_MAX = 64;
const ISSUES_MAX = 8;
const ISSUE_CHARS_MAX = 300;

export interface ToolOutcome {
  /** `unknown`: it was stopped or ran out of time after it began, so it may have taken effect. */
  outcome: 'ok' | 'error' | 'unknown';
  /** The result, or `{error}` with a sentence for the model. */
  value: Json;
  ms: number;
}

type Stage<Value> = { ok: true; value: Value } | { ok: false; sentence: string; outcome?: 'unknown' };

/** Must not reject. What a tool throws stays here, unless it is a ToolRefusal; `timeoutMs` covers validation and run. */
export async function runTool(
  tool: Tool,
  args: Json,
  context: ToolContext,
  { clock, timeoutMs, onThrow }: { clock: Clock; timeoutMs: number; onThrow?: (error: unknown) => void },
): Promise<ToolOutcome> {
  const startedAt = clock.monotonic();
  const stop = new AbortController();
  const done = await within({ clock, timeoutMs, outer: context.signal, stop }, async () => {
    const prepared = await prepare(tool, args);
    if (!prepared.ok) return prepared;
    const executed = await execute(tool, prepared.value, { ...context, signal: stop.signal }, onThrow);
    return executed.ok ? finish(executed.value) : executed;
  });
  const ms = clock.monotonic() - startedAt;
  return done.ok ? { outcome: 'ok', value: done.value, ms } : { outcome: done.outcome ?? 'error', value: { error: done.sentence }, ms };
}

interface Limits {
  clock: Clock;
  timeoutMs: number;
  outer: AbortSignal;
  /** Told to the tool when time is up or the turn stops. */
  stop: AbortController;
}

/** Runs `work`, but waits no longer than the limits allow: a tool that ignores its signal is left behind. */
function within(limits: Limits, work: () => Promise<Stage<Json>>): Promise<Stage<Json>> {
  const { clock, outer, stop } = limits;
  return new Promise((resolve) => {
    const end = (stage: Stage<Json>, abort: boolean) => {
      timer.cancel();
      outer.removeEventListener('abort', stopped);
      resolve(stage);
      if (abort) stop.abort();
    };
    const stopped = () =>
      end({ ok: false, outcome: 'unknown', sentence: 'The tool was stopped; whether it took effect is not known.' }, true);
    const late = () =>
      end({ ok: false, outcome: 'unknown', sentence: 'The tool did not finish in time; whether it took effect is not known.' }, true);
    const timer = clock.after(limits.timeoutMs, late, true);
    if (outer.aborted) return end({ ok: false, sentence: 'The tool was stopped before it began.' }, true);
    outer.addEventListener('abort', stopped);
    work().then(
      (stage) => end(stage, false),
      // The stages catch what tools throw; this is for a stage's own failure.
      () => end({ ok: false, sentence: 'The tool failed.' }, false),
    );
  });
}

async function prepare(tool: Tool, args: Json): Promise<Stage<unknown>> {
  try {
    const result = await tool.input['~standard'].validate(args);
    return result.issues === undefined ? { ok: true, value: result.value } : { ok: false, sentence: issueSentence(result.issues) };
  } catch {
    // A validator that throws on foreign input: its words may quote it.
    return { ok: false, sentence: 'The arguments could not be validated.' };
  }
}

async function execute(tool: Tool, input: unknown, context: ToolContext, onThrow?: (error: unknown) => void): Promise<Stage<unknown>> {
  try {
    return { ok: true, value: await tool.run(input, context) };
  } catch (error) {
    if (isRefusal(error)) return { ok: false, sentence: error.message };
    onThrow?.(error);
    return { ok: false, sentence: 'The tool failed.' };
  }
}

/** By its name too: the author's code may have got its class from another copy of this package. */
const isRefusal = (error: unknown): error is ToolRefusal =>
  error instanceof ToolRefusal || (error instanceof Error && error.name === 'ToolRefusal');

/** What is not JSON becomes JSON as `JSON.stringify` does it, or an error. */
function finish(value: unknown): Stage<Json> {
  try {
    const shape = measure(value);
    if (shape !== 'fits') return { ok: false, sentence: `The result of the tool is ${shape}.` };
    const text = JSON.stringify(value) ?? 'null';
    if (text.length > RESULT_CHARS_MAX) return { ok: false, sentence: 'The result of the tool is too large.' };
    return { ok: true, value: JSON.parse(text) as Json };
  } catch {
    return { ok: false, sentence: 'The result of the tool is not JSON.' }; // BigInt, a getter that throws
  }
}

/**
 * Walks what `JSON.stringify` would walk and stops at the limits: a value that shares its parts is written out once for each way to them, which
 * grows without end from a few lines of code. Also ends for a cycle.
 */
function measure(value: unknown): 'fits' | 'nested too deep' | 'too large' {
  let left = RESULT_CHARS_MAX;
  const walk = (each: unknown, depth: number): 'fits' | 'nested too deep' | 'too large' => {
    left -= typeof each === 'string' ? each.length + 1 : 1;
    if (left < 0) return 'too large';
    if (typeof each !== 'object' || each === null) return 'fits';
    if (depth === 0) return 'nested too deep';
    for (const inner of Object.values(each)) {
      const found = walk(inner, depth - 1);
      if (found !== 'fits') return found;
    }
    return 'fits';
  };
  return walk(value, RESULT_DEPTH_MAX);
}

type Issues = Extract<StandardResult<unknown>, { issues: object }>['issues'];

function issueSentence(issues: Issues): string {
  const lines = issues.slice(0, ISSUES_MAX).map(({ message, path }) => {
    const where = (path ?? []).map((step) => String(typeof step === 'object' ? step.key : step)).join('.');
    return `${where ? `${where}: ` : ''}${message}`.slice(0, ISSUE_CHARS_MAX);
  });
  return `The arguments are not valid. ${lines.join('; ')}`;
}
