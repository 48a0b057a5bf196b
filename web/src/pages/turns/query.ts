// The filters of the list as they stand in the address, and what is asked of the server for them.
import type { OperationInput } from '../../../../src/client/operations.ts';
import type { TurnReason, TurnStatus } from '../../../../src/contract/turn.ts';

export type TurnsQuery = NonNullable<OperationInput<'listTurns'>['query']>;

/** Typed by the contract, so that a value added there does not compile before it is offered here. */
const STATUS_LABELS: Record<TurnStatus, string> = {
  queued: 'Queued',
  running: 'Running',
  completed: 'Completed',
  degraded: 'Degraded',
  failed: 'Failed',
  cancelled: 'Cancelled',
};
const REASON_LABELS: Record<TurnReason, string> = {
  model_unavailable: 'Model unavailable',
  deadline: 'Deadline',
  queue_timeout: 'Queue timeout',
  incomplete: 'Incomplete',
  blocked: 'Blocked',
  step_limit: 'Step limit',
  middleware: 'Middleware',
  caller: 'Cancelled by caller',
  superseded: 'Superseded',
  recovery_exhausted: 'Recovery exhausted',
  expired: 'Expired',
  internal: 'Internal',
};
const keysOf = <K extends string>(table: Record<K, string>) => Object.keys(table) as K[];
export const STATUSES = keysOf(STATUS_LABELS).map((value) => ({ value, label: STATUS_LABELS[value] }));
export const REASONS = keysOf(REASON_LABELS).map((value) => ({ value, label: REASON_LABELS[value] }));
export const reasonLabel = (reason: TurnReason): string => REASON_LABELS[reason] ?? reason;

export const SPANS_S = { '15m': 900, '1h': 3_600, '24h': 86_400, '7d': 604_800 } as const;
export const SPAN_LABELS: Record<keyof typeof SPANS_S, string> = {
  '15m': 'Last 15 minutes',
  '1h': 'Last hour',
  '24h': 'Last 24 hours',
  '7d': 'Last 7 days',
};
const isSpan = (text: string | undefined): text is keyof typeof SPANS_S => text !== undefined && text in SPANS_S;
const isTime = (text: string | undefined): text is string => text !== undefined && !Number.isNaN(Date.parse(text));
const isOf = <K extends string>(table: Record<K, string>, text: string | undefined): text is K => text !== undefined && text in table;

/** What the address says and the server would not understand is left out. */
export function turnsQueryOf(filters: Readonly<Record<string, string>>, now = Date.now()): TurnsQuery {
  const { status, reason, model, span, since, until, session } = filters;
  return {
    ...(isOf(STATUS_LABELS, status) && { status }),
    ...(isOf(REASON_LABELS, reason) && { reason }),
    ...(model && { model }),
    ...(session && /^ses_[0-9a-z]{26}$/.test(session) && { sessionId: session }),
    ...(isSpan(span) && { since: new Date(now - SPANS_S[span] * 1_000).toISOString() }),
    ...(isTime(since) && { since }),
    ...(isTime(until) && { until }),
  };
}
