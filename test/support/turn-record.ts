import type { TurnRecord } from '../../src/contract/turn.ts';

/** The record of a turn that completed in 10 ms without a model call, unless said otherwise. */
export const turnRecord = (more: Partial<TurnRecord> = {}): TurnRecord => ({
  turnId: 'trn_00000000000000000000000000',
  sessionId: 'ses_00000000000000000000000000',
  principal: 'local',
  requestId: 'req_00000000000000000000000000',
  status: 'completed',
  attempt: 1,
  model: null,
  usage: { inputTokens: 0, outputTokens: 0 },
  queueMs: 0,
  firstTokenMs: null,
  totalMs: 10,
  steps: [],
  ...more,
});
