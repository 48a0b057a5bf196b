import { describe, expect, test } from 'vitest';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { silentLogger } from '../base/log.ts';
import { BREAKER_SETTINGS, createBreaker, type Health } from './breaker.ts';

function setup() {
  const clock = createManualClock();
  const probes: number[] = [];
  let answer: Health = 'bad';
  let probeMs = 0;
  const breaker = createBreaker({
    name: 'gemini/x',
    clock,
    random: () => 0.5,
    log: silentLogger,
    settings: BREAKER_SETTINGS,
    onChange: () => undefined,
    probe() {
      probes.push(clock.monotonic());
      return new Promise((resolve) => {
        if (probeMs === 0) resolve(answer);
        else clock.after(probeMs, () => resolve(answer));
      });
    },
  });
  const record = (health: Health, times: number) => {
    for (let i = 0; i < times; i += 1) breaker.record(health);
  };
  return { clock, breaker, probes, record, answers: (health: Health, ms = 0) => ([answer, probeMs] = [health, ms]) };
}

describe('opening', () => {
  test('five failures in a row open it, four do not, a success between starts over', () => {
    const { breaker, record } = setup();
    record('bad', 4);
    record('good', 1);
    record('bad', 4);
    expect(breaker.state()).toBe('ok');
    record('bad', 1);
    expect(breaker.state()).toBe('open');
  });

  test('half of twenty calls in ten seconds opens it, half of nineteen does not', () => {
    const { breaker, record } = setup();
    for (let i = 0; i < 9; i += 1) {
      record('good', 1);
      record('bad', 1);
    }
    record('bad', 1);
    expect(breaker.state()).toBe('ok');
    record('good', 2);
    expect(breaker.state()).toBe('ok');
    record('bad', 1);
    expect(breaker.state()).toBe('open');
  });

  test('calls older than the window do not count', async () => {
    const { breaker, record, clock } = setup();
    for (let i = 0; i < 9; i += 1) {
      record('bad', 1);
      record('good', 1);
    }
    await clock.advance(11_000);
    for (let i = 0; i < 5; i += 1) {
      record('bad', 1);
      record('good', 1);
    }
    expect(breaker.state()).toBe('ok');
  });

  test('a refused key opens it at once', () => {
    const { breaker, record } = setup();
    record('bad_key', 1);
    expect(breaker.state()).toBe('bad_key');
  });
});

describe('probing', () => {
  test('probes every five seconds, every thirty after ten, and nothing a user does closes it', async () => {
    const { breaker, record, clock, probes } = setup();
    record('bad', 5);
    await clock.advance(50_000);
    expect(probes).toHaveLength(10);
    await clock.advance(60_000);
    expect(probes).toHaveLength(12);
    record('good', 30);
    expect(breaker.state()).toBe('open');
  });

  test('a silent model does not stretch the interval', async () => {
    const { record, clock, probes, answers } = setup();
    answers('bad', 4_900);
    record('bad', 5);
    await clock.advance(25_000);
    expect(probes).toHaveLength(5);
  });

  test('one good probe closes it with a clean slate', async () => {
    const { breaker, record, clock, answers } = setup();
    record('bad', 5);
    answers('good');
    await clock.advance(5_000);
    expect(breaker.state()).toBe('ok');
    record('bad', 4);
    expect(breaker.state()).toBe('ok');
    await clock.advance(60_000);
    expect(clock.pending()).toBe(0);
  });

  test('a probe that meets a refused key says so', async () => {
    const { breaker, record, clock, answers } = setup();
    record('bad', 5);
    answers('bad_key');
    await clock.advance(5_000);
    expect(breaker.state()).toBe('bad_key');
  });

  test('closing stops the probes, also one under way', async () => {
    const { breaker, record, clock, probes, answers } = setup();
    answers('bad', 100);
    record('bad', 5);
    await clock.advance(5_050);
    breaker.close();
    await clock.advance(60_000);
    expect(probes).toHaveLength(1);
    expect(clock.pending()).toBe(0);
  });
});
