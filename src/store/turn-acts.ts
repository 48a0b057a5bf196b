// What a turn did, as rows of the audit.
import type { ModelAttempt, StepRecord, ToolStepRecord } from '../contract/turn.ts';
import type { Act } from './audit.ts';
import type { CommitInput, StoredTurn } from './store.ts';

/** One row for each call of a model and each run of a tool. */
export function callActs(turn: StoredTurn, steps: readonly StepRecord[] = []): Act[] {
  return steps.flatMap((step) => (step.kind === 'model' ? step.attempts.map((attempt) => modelAct(turn, attempt)) : [toolAct(turn, step)]));
}

const ofTurn = ({ principal, requestId }: StoredTurn) => ({ principal, requestId });

const modelAct = (turn: StoredTurn, { provider, model, code, ms, usage }: ModelAttempt): Act => ({
  ...ofTurn(turn),
  action: 'model.call',
  target: `${provider}/${model}`,
  outcome: code,
  detail: { turn: turn.id, ms, ...usage },
});

const toolAct = (turn: StoredTurn, { name, outcome, ms }: ToolStepRecord): Act => ({
  ...ofTurn(turn),
  action: 'tool.call',
  target: name,
  outcome,
  detail: { turn: turn.id, ms },
});

export function endAct(turn: StoredTurn, { record, reason, fallback }: CommitInput, sha256: string | undefined): Act {
  let [modelCalls, toolCalls] = [0, 0];
  for (const step of record.steps) {
    if (step.kind === 'model') modelCalls += step.attempts.length;
    else toolCalls += 1;
  }
  return {
    ...ofTurn(turn),
    action: 'turn.end',
    target: turn.id,
    outcome: turn.status,
    detail: {
      session: turn.sessionId,
      reason,
      model: turn.model ?? undefined,
      attempt: turn.attempt,
      fallback: fallback === undefined ? undefined : 1,
      inputTokens: turn.usage.inputTokens,
      outputTokens: turn.usage.outputTokens,
      modelCalls,
      toolCalls: toolCalls || undefined,
      sha256,
    },
  };
}
