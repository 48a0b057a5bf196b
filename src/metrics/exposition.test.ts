import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { turnRecord } from '../../test/support/turn-record.ts';
import { systemClock } from '../base/clock.ts';
import { exposition, type Readings } from './exposition.ts';
import { createMeter } from './meter.ts';
import { COUNTERS, HISTOGRAMS, READINGS } from './table.ts';

const zeroes = Object.fromEntries(Object.keys(READINGS).map((name) => [name, 0])) as unknown as Readings;
const readings: Readings = {
  ...zeroes,
  build: [{ labels: ['1.2.3', 'v24'], value: 1 }],
  health: [{ labels: ['ok'], value: 1 }],
  modelState: [{ labels: ['gemini/"odd\\\n"', 'ok'], value: 1 }],
};

async function sample(): Promise<string> {
  const meter = createMeter({ clock: systemClock, models: ['gemini/fast'], tools: [] });
  meter.accepted();
  const attempts = [{ provider: 'gemini', model: 'fast', code: 'ok', ms: 5 }];
  for (const totalMs of [4, 40, 400, 4_000_000])
    meter.ended(turnRecord({ totalMs, firstTokenMs: 3, steps: [{ kind: 'model', attempts, ms: 5 }] }));
  meter.loopDelay(1);
  return exposition(meter.ledger, readings);
}

test('every metric of the tables is there once, with its help and type', async () => {
  const text = await sample();
  for (const { name } of [COUNTERS, HISTOGRAMS, READINGS].flatMap((rows) => Object.values<{ name: string }>(rows))) {
    expect(text.split(`# HELP ${name} `)).toHaveLength(2);
    expect(text.split(`# TYPE ${name} `)).toHaveLength(2);
  }
  expect(text).toContain('# TYPE holdfast_turns_accepted_total counter\nholdfast_turns_accepted_total 1\n');
  expect(text).toContain('holdfast_turns_ended_total{outcome="completed",reason=""} 4');
  expect(text).toContain('holdfast_model_calls_total{provider="gemini",model="fast",code="ok"} 4');
});

test('histogram buckets are cumulative, in seconds, and end with everything', async () => {
  const text = await sample();
  const bucket = (le: string) =>
    Number(new RegExp(`turn_duration_seconds_bucket\\{outcome="completed",le="${le}"\\} (\\d+)`).exec(text)?.[1]);
  expect([bucket('0.005'), bucket('0.05'), bucket('0.5'), bucket('600'), bucket('\\+Inf')]).toEqual([1, 2, 3, 3, 4]);
  expect(text).toContain('holdfast_turn_duration_seconds_sum{outcome="completed"} 4000.444');
  expect(text).toContain('holdfast_turn_duration_seconds_count{outcome="completed"} 4');
});

test('two servers in one process share nothing', async () => {
  const [one, other] = await Promise.all([sample(), sample()]);
  expect(one).toBe(other);
});

test('promtool finds nothing to say', async ({ skip }) => {
  const text = await sample();
  const found = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  if ((found.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    console.warn('SKIPPED: promtool is not installed (Debian: apt install prometheus), so nobody has checked the text of /metrics');
    return skip();
  }
  expect(found.stdout + found.stderr).toBe('');
  expect(found.status).toBe(0);
});
