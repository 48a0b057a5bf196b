import { nearestIsoTime } from '../base/iso-time.ts';
import { adviceFor } from '../contract/failure-advice.ts';
import type { StepRecord } from '../contract/turn.ts';
import type { TurnTrace } from '../contract/turn-trace.ts';
import type { StoredTrace, StoredTurn } from '../store/store.ts';

export function presentTrace({ turn, trace }: { turn: StoredTurn; trace: StoredTrace }): TurnTrace {
  const { id: turnId, sessionId, requestId, principal, status, reason, attempt, recoveries, retryOf } = turn;
  const codes = new Set(trace.steps.flatMap(failuresOf));
  return {
    ...{ turnId, sessionId, requestId, principal, status, attempt, recoveries },
    ...(reason && { reason }),
    ...(retryOf && { retryOf }),
    createdAt: nearestIsoTime(turn.createdAt),
    completedAt: turn.completedAt === null ? null : nearestIsoTime(turn.completedAt),
    ...trace,
    advice: [...codes].map((code) => ({ code, ...adviceFor(code) })),
  };
}

function failuresOf(step: StepRecord): string[] {
  if (step.kind === 'tool') return step.outcome === 'ok' ? [] : [`tool_${step.outcome}`];
  return step.attempts.map(({ code }) => code).filter((code) => code !== 'ok');
}
