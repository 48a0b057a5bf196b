import type { Logger } from '../base/log.ts';
import type { TurnRecord } from '../contract/turn.ts';

/** The one line a turn leaves in the log. */
export function logTurn(log: Logger, record: TurnRecord): void {
  const { turnId, sessionId, requestId, principal, status, reason, attempt, queueMs, firstTokenMs, usage } = record;
  const fields = {
    turnId,
    sessionId,
    requestId,
    principal,
    status,
    reason,
    attempt,
    model: record.model ?? undefined,
    ms: record.totalMs,
    queueMs,
    firstTokenMs,
    count: record.steps.length,
    ...usage,
  };
  if (status === 'completed' || status === 'cancelled') log.info('turn.end', fields);
  else log.warn('turn.end', fields);
}
