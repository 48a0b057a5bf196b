import { describe, expect, it } from 'vitest';
import type { Clock } from '../base/clock.ts';
import type { TurnRecord } from '../contract/turn.ts';
import { createTurnFigures } from './figures.ts';

function clockAt(start: number): Clock & { at: number } {
  const clock = { at: start, now: () => clock.at, monotonic: () => clock.at, after: () => ({ cancel() {} }) };
  return clock;
}
const record = (totalMs: number, status: TurnRecord['status'] = 'completed'): TurnRecord => ({
  turnId: 't',
  sessionId: 's',
  principal: 'p',
  requestId: 'r',
  status,
  attempt: 1,
  model: null,
  usage: { inputTokens: 0, outputTokens: 0 },
  queueMs: 0,
  firstTokenMs: null,
  totalMs,
  steps: [],
});

describe('figures of turns', () => {
  it('count outcomes and give percentiles of what was recorded', () => {
    const figures = createTurnFigures(clockAt(0));
    for (let ms = 1; ms <= 100; ms += 1) figures.ended(record(ms, ms > 93 ? 'degraded' : 'completed'));
    const { byStatus, latencyMs } = figures.read();
    expect(byStatus).toEqual({ completed: 93, degraded: 7, failed: 0, cancelled: 0 });
    expect(latencyMs).toEqual({ p50: 51, p95: 96, p99: 100 });
  });
  it('give no latency before there is one', () => {
    expect(createTurnFigures(clockAt(0)).read().latencyMs).toBeNull();
  });
  it('forget in the per-minute figure what is older than a minute, however long nothing happened', () => {
    const clock = clockAt(5_000);
    const figures = createTurnFigures(clock);
    figures.accepted();
    clock.at += 30_000;
    figures.accepted();
    expect(figures.read().perMinute).toBe(2);
    clock.at += 31_000;
    expect(figures.read().perMinute).toBe(1);
    clock.at += 10_000_000;
    expect(figures.read()).toMatchObject({ perMinute: 0, accepted: 2 });
  });
});
