import { expect, test } from 'vitest';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { type LogFields, silentLogger } from '../base/log.ts';
import { type AlertChange, alertChangeSchema, alertSchema } from '../contract/alert.ts';
import { createAlerts } from './alerts.ts';
import type { Readings } from './readings.ts';
import { createTurnWindow } from './turn-window.ts';
import type { Webhook } from './webhook.ts';

const MIB = 1_048_576;
const WELL: Readings = {
  models: [{ name: 'gemini/a', state: 'ok', wasGood: true }],
  storage: { writable: true },
  diskFreeBytes: 1_000 * MIB,
  audit: { state: 'whole' },
  turns: { ended: 0, bad: 0, isWholeWindow: true },
  openTurns: { oldestMs: null, orphaned: 0 },
};
const CONFIG = {
  ...{ errorPercent: 50, errorTurns: 10, windowMs: 300_000, modelDownMs: 30_000, diskFreeMb: 512, noProgressMs: 300_000 },
  ...{ checkMs: 1_000, clearMs: 10_000 },
};

function createWorld({ kept, hasWebhook = false }: { kept?: unknown; hasWebhook?: boolean } = {}) {
  const clock = createManualClock();
  const world = {
    clock,
    readings: WELL,
    lines: [] as (LogFields & { event: string; level: string })[],
    heard: [] as AlertChange[],
    sent: [] as { change: AlertChange; done: (delivered: boolean) => void }[],
    kept: kept as unknown,
    proofs: 0,
    saveFails: false,
  };
  const level = (name: string) => (event: string, fields?: LogFields) => void world.lines.push({ event, level: name, ...fields });
  const webhook: Webhook = {
    send: (change, done) => void world.sent.push({ change, done }),
    state: () => ({ queued: world.sent.length, failed: 0 }),
    stop: async () => undefined,
  };
  const alerts = createAlerts({
    clock,
    log: { ...silentLogger, info: level('info'), warn: level('warn'), error: level('error') },
    config: CONFIG,
    read: async () => world.readings,
    webhook: hasWebhook ? webhook : undefined,
    memory: {
      load: () => world.kept,
      save(value) {
        if (world.saveFails) throw new Error('no room');
        world.kept = JSON.parse(JSON.stringify(value));
      },
    },
    proveModels: async () => {
      world.proofs += 1;
    },
  });
  alerts.onChange((change) => void world.heard.push(change));
  alerts.start();
  const said = () => world.heard.map(({ kind, alert }) => `${kind} ${alert.id}`);
  /** The world is so for a while. */
  const be = async (readings: Partial<Readings>, seconds: number) => {
    world.readings = { ...WELL, ...readings };
    await clock.advance(seconds * 1_000);
  };
  return Object.assign(world, { alerts, said, be });
}

const model = (state: 'ok' | 'open' | 'bad_key', wasGood: boolean | undefined) => ({
  models: [{ name: 'gemini/a', state, wasGood }] as const,
});

const RULES: [id: string, bad: Partial<Readings>, seconds: number][] = [
  ['error_rate', { turns: { ended: 20, bad: 10, isWholeWindow: false } }, 2],
  ['model_down:gemini/a', model('open', false), 32],
  ['bad_key:gemini/a', model('bad_key', false), 2],
  ['disk_low', { diskFreeBytes: 511 * MIB }, 2],
  ['store_readonly', { storage: { writable: false, reason: 'io' } }, 2],
  ['audit_broken', { audit: { state: 'broken', cause: 'The audit chain is not whole.' } }, 2],
  ['audit_broken', { storage: { writable: false, reason: 'audit chain damaged' } }, 2],
  ['no_progress', { openTurns: { oldestMs: 300_001, orphaned: 0 } }, 2],
  ['no_progress', { openTurns: { oldestMs: null, orphaned: 2 } }, 302],
];

test.each(RULES)('%s is said once when it begins and once when it is over', async (id, bad, seconds) => {
  const world = createWorld();
  await world.be({}, 5);
  expect(world.said()).toEqual([]);
  await world.be(bad, seconds);
  expect(world.said()).toEqual([`raised ${id}`]);
  expect(world.alerts.active()).toMatchObject([{ id }]);
  for (const alert of world.alerts.active()) expect(alertSchema.parse(alert).fix).toMatch(/^(holdfast|df) /);
  await world.be(bad, 600);
  expect(world.said()).toEqual([`raised ${id}`]);
  await world.be({}, 9);
  expect(world.said()).toEqual([`raised ${id}`]);
  await world.be({}, 5);
  expect(world.said()).toEqual([`raised ${id}`, `cleared ${id}`]);
  expect(world.alerts.active()).toEqual([]);
  await world.be({}, 600);
  expect(world.said()).toHaveLength(2);
  expect(world.lines.map(({ event, code }) => `${event} ${code}`)).toEqual([`alert.raised ${id}`, `alert.cleared ${id}`]);
  for (const change of world.heard) alertChangeSchema.parse(change);
});

test.each(RULES)('%s that comes and goes is one alert', async (id, bad, seconds) => {
  const world = createWorld();
  await world.be(bad, seconds);
  for (let n = 0; n < 20; n += 1) {
    await world.be({}, 4);
    await world.be(bad, 4);
  }
  expect(world.said()).toEqual([`raised ${id}`]);
});

test.each<[string, Partial<Readings>]>([
  ['few failed turns', { turns: { ended: 9, bad: 9, isWholeWindow: true } }],
  ['half as many failed turns as matter', { turns: { ended: 20, bad: 9, isWholeWindow: true } }],
  ['a model that is open for a moment', model('open', false)],
  ['just enough room', { diskFreeBytes: 512 * MIB }],
  ['room that cannot be told', { diskFreeBytes: undefined }],
  ['a chain nobody looked at yet', { audit: { state: 'unknown' } }],
  ['a turn that takes its time', { openTurns: { oldestMs: 299_000, orphaned: 0 } }],
])('%s is no alert', async (_, readings) => {
  const world = createWorld();
  await world.be(readings, 20);
  await world.be({}, 20);
  expect(world.said()).toEqual([]);
});

test('a little more room, or fewer failures, do not end an alert: it ends below half, above a quarter more', async () => {
  const world = createWorld();
  await world.be({ diskFreeBytes: 100 * MIB, turns: { ended: 100, bad: 90, isWholeWindow: true } }, 3);
  await world.be({ diskFreeBytes: 600 * MIB, turns: { ended: 100, bad: 30, isWholeWindow: true } }, 100);
  expect(world.alerts.active().map(({ id }) => id)).toEqual(['error_rate', 'disk_low']);
  await world.be({ diskFreeBytes: 640 * MIB, turns: { ended: 100, bad: 24, isWholeWindow: true } }, 20);
  expect(world.alerts.active()).toEqual([]);
});

test('a model that nobody called since is not said to be well; after a restart proof is asked for', async () => {
  const first = createWorld();
  await first.be(model('bad_key', false), 3);
  expect(first.said()).toEqual(['raised bad_key:gemini/a']);

  const second = createWorld({ kept: first.kept });
  expect(second.alerts.active()).toMatchObject([{ id: 'bad_key:gemini/a', since: first.heard[0]?.at }]);
  await second.be(model('ok', undefined), 65);
  expect(second.said()).toEqual([]);
  expect(second.proofs).toBe(3);
  await second.be(model('bad_key', false), 60);
  expect(second.said()).toEqual([]);
  await second.be(model('ok', true), 15);
  expect(second.said()).toEqual(['cleared bad_key:gemini/a']);
});

test('an alert about a model that is configured no more is over', async () => {
  const first = createWorld();
  await first.be(model('bad_key', false), 3);
  const second = createWorld({ kept: first.kept });
  await second.be({ models: [] }, 15);
  expect(second.said()).toEqual(['cleared bad_key:gemini/a']);
});

test('what the webhook was told before a restart is not told again; what it was not told is', async () => {
  const first = createWorld({ hasWebhook: true });
  await first.be({ diskFreeBytes: 0, storage: { writable: false, reason: 'full' } }, 3);
  expect(first.sent.map(({ change }) => change.alert.id)).toEqual(['disk_low', 'store_readonly']);
  first.sent[0]?.done(true);
  first.sent[1]?.done(false);
  await first.be({ diskFreeBytes: 0 }, 15);
  expect(first.said()).toContain('cleared store_readonly');

  const second = createWorld({ kept: first.kept, hasWebhook: true });
  await second.be({ diskFreeBytes: 0 }, 5);
  expect(second.sent.map(({ change }) => `${change.kind} ${change.alert.id}`)).toEqual(['cleared store_readonly']);
  second.sent[0]?.done(true);
  expect(second.said()).toEqual([]);
  await second.be({}, 15);
  expect(second.sent.map(({ change }) => `${change.kind} ${change.alert.id}`)).toEqual(['cleared store_readonly', 'cleared disk_low']);
  second.sent[1]?.done(true);
  expect(second.kept).toEqual({ raised: [], owed: [] });
});

test('a file of alerts that is not ours, and a disk that takes none, cost nothing but themselves', async () => {
  for (const kept of [undefined, 'text', { raised: 'x', owed: 7 }, { raised: [null, 7, { alert: { id: 1 } }], owed: [{}] }]) {
    const world = createWorld({ kept, hasWebhook: true });
    world.saveFails = true;
    await world.be({ diskFreeBytes: 0 }, 3);
    expect(world.said()).toEqual(['raised disk_low']);
    expect(world.lines.map(({ event }) => event)).toContain('alert.not_kept');
  }
});

test('severity: a model that others stand in for is a warning, and what is shown stays true while it lasts', async () => {
  const world = createWorld();
  const other = { name: 'demo', state: 'ok', wasGood: true } as const;
  const down = { name: 'gemini/a', state: 'open', wasGood: false } as const;
  await world.be({ models: [down, other] }, 32);
  expect(world.alerts.active()).toMatchObject([{ severity: 'warning', cause: expect.stringContaining('other models answer instead') }]);
  await world.be({ models: [down] }, 2);
  expect(world.alerts.active()).toMatchObject([{ severity: 'error', cause: expect.stringContaining('fallback sentence') }]);
});

test('the window of turns counts degraded and failed ones, not cancelled ones, and forgets', async () => {
  const clock = createManualClock();
  const window = createTurnWindow(clock, 60_000);
  for (const status of ['completed', 'degraded', 'failed', 'cancelled'] as const) window.ended({ status });
  expect(window.read()).toEqual({ ended: 3, bad: 2, isWholeWindow: false });
  await clock.advance(30_000);
  window.ended({ status: 'completed' });
  expect(window.read()).toMatchObject({ ended: 4, bad: 2 });
  await clock.advance(30_001);
  expect(window.read()).toEqual({ ended: 1, bad: 0, isWholeWindow: true });
  await clock.advance(600_000);
  expect(window.read()).toMatchObject({ ended: 0, bad: 0 });
});
