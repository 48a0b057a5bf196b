import { expect, test } from 'vitest';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { turnRecord } from '../../test/support/turn-record.ts';
import type { ModelAttempt, StepRecord } from '../contract/turn.ts';
import { createMeter } from './meter.ts';
import { CELLS_MAX, type CounterName } from './table.ts';

const meterWith = (clock = createManualClock()) => {
  const meter = createMeter({ clock, models: ['gemini/fast', 'demo'], tools: ['calculate'] });
  const cells = (name: CounterName) =>
    Object.fromEntries(meter.ledger.counter(name).map(({ labels, value }) => [labels.join(' ').trim(), value]));
  return { meter, clock, cells };
};
const attempt = (model: string, code: string): ModelAttempt => ({ provider: 'gemini', model, code, ms: 5 });
const step = (...attempts: ModelAttempt[]): StepRecord => ({ kind: 'model', attempts, ms: 5 });

test('everything about a turn is counted from its one record', () => {
  const { meter, cells } = meterWith();
  meter.accepted();
  const steps: StepRecord[] = [
    step(attempt('fast', 'http_503'), attempt('fast', 'http_503'), attempt('fast', 'ok')),
    { kind: 'tool', name: 'calculate', callId: 'c', outcome: 'ok', ms: 1 },
    step(attempt('fast', 'http_500'), attempt('named-by-a-caller', 'ok')),
    { kind: 'tool', name: 'made_up_by_the_model', callId: 'd', outcome: 'error', ms: 1 },
  ];
  const usage = { inputTokens: 7, outputTokens: 3 };
  meter.ended(turnRecord({ status: 'degraded', reason: 'deadline', usage, steps, firstTokenMs: 4, totalMs: 90 }));
  expect(meter.turns()).toEqual({ accepted: 1, byStatus: { completed: 0, degraded: 1, failed: 0, cancelled: 0 }, perMinute: 1 });
  expect(cells('ended')).toMatchObject({ completed: 0, 'degraded deadline': 1 });
  expect(cells('modelCalls')).toEqual({
    'gemini fast http_503': 2,
    'gemini fast ok': 1,
    'gemini fast http_500': 1,
    'gemini other ok': 1,
  });
  expect(cells('modelRetries')).toEqual({ 'gemini fast': 2 });
  expect(cells('toolCalls')).toEqual({ 'calculate ok': 1, 'other error': 1 });
  expect(cells('tokens')).toEqual({ input: 7, output: 3 });
  expect(meter.ledger.histogram('turnDuration')).toContainEqual(expect.objectContaining({ labels: ['degraded'], count: 1, sumMs: 90 }));
  expect(meter.ledger.histogram('modelDuration').map(({ count }) => count)).toEqual([4, 1]);
});

test('a turn without a first token is in no first-token bucket', () => {
  const { meter } = meterWith();
  meter.ended(turnRecord({ firstTokenMs: null }));
  expect(meter.ledger.histogram('firstToken')[0]?.count).toBe(0);
});

test('label values beyond the maximum are counted together: memory stays what it is', () => {
  const { meter, cells } = meterWith();
  for (let n = 0; n < 10_000; n += 1) meter.ended(turnRecord({ steps: [step(attempt('fast', `code_${n}`))] }));
  const calls = cells('modelCalls');
  expect(Object.keys(calls).length).toBeLessThanOrEqual(CELLS_MAX + 1);
  expect(calls['other other other']).toBe(10_000 - CELLS_MAX);
});

test('per minute forgets what is older than a minute, however long nothing happened', async () => {
  const { meter, clock } = meterWith();
  meter.accepted();
  await clock.advance(30_000);
  meter.accepted();
  expect(meter.turns().perMinute).toBe(2);
  await clock.advance(31_000);
  expect(meter.turns().perMinute).toBe(1);
  await clock.advance(10_000_000);
  expect(meter.turns()).toMatchObject({ perMinute: 0, accepted: 2 });
});
