// Where each part of a turn lies on its time line. The trace tells how long each took and in which order, not when it began: parts are laid end to end.
import type { TurnTrace } from '../../../../src/contract/turn-trace.ts';

export type SpanKind = 'queue' | 'model' | 'attempt' | 'tool' | 'commit';

export interface Span {
  kind: SpanKind;
  label: string;
  /** `ok`, or what failed; absent where nothing can. */
  code?: string;
  startMs: number;
  ms: number;
  note?: string;
}

export interface Timeline {
  totalMs: number;
  spans: Span[];
  /** When the first token came, from acceptance. */
  firstTokenMs: number | null;
}

type Step = TurnTrace['steps'][number];

function stepSpans(step: Step, number: number, startMs: number): Span[] {
  if (step.kind === 'tool') return [{ kind: 'tool', label: step.name, code: step.outcome, startMs, ms: step.ms }];
  const busyMs = step.attempts.reduce((sum, { ms }) => sum + ms, 0);
  // What the step took beyond its calls was waiting between them.
  const waitMs = step.attempts.length > 1 ? Math.max(0, step.ms - busyMs) / (step.attempts.length - 1) : 0;
  const retries = Math.max(0, step.attempts.length - 1);
  const head: Span = {
    kind: 'model',
    label: `Model step ${number}`,
    startMs,
    ms: step.ms,
    note: retries === 0 ? '1 call' : `${step.attempts.length} calls, ${retries} ${retries === 1 ? 'retry' : 'retries'}`,
  };
  let at = startMs;
  const attempts = step.attempts.map(({ provider, model, code, ms, usage }): Span => {
    const span: Span = { kind: 'attempt', label: `${provider}/${model}`, code, startMs: at, ms };
    if (usage && usage.inputTokens + usage.outputTokens > 0) span.note = `${usage.inputTokens} → ${usage.outputTokens} tokens`;
    at += ms + waitMs;
    return span;
  });
  return [head, ...attempts];
}

export function timelineOf(trace: TurnTrace): Timeline {
  const spans: Span[] = [];
  let at = 0;
  if (trace.queueMs !== null) {
    spans.push({ kind: 'queue', label: 'Queue', startMs: 0, ms: trace.queueMs });
    at = trace.queueMs;
  }
  let models = 0;
  for (const step of trace.steps) {
    if (step.kind === 'model') models += 1;
    spans.push(...stepSpans(step, models, at));
    at += step.ms;
  }
  const totalMs = Math.max(trace.totalMs ?? at, at);
  if (trace.totalMs !== null) spans.push({ kind: 'commit', label: 'Commit', startMs: at, ms: totalMs - at });
  return { totalMs, spans, firstTokenMs: trace.firstTokenMs };
}

/** Calls beyond the first of each step. */
export const retriesOf = (trace: Pick<TurnTrace, 'steps'>): number =>
  trace.steps.reduce((sum, step) => sum + (step.kind === 'model' ? Math.max(0, step.attempts.length - 1) : 0), 0);
