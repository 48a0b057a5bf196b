// Alerts as an operator meets them: a real agent, a real receiver, something that really goes wrong, and each said once when it begins and once when it is over.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import { alertChangeSchema } from '../src/contract/alert.ts';
import type { Status } from '../src/contract/status.ts';
import { type FakeGemini, startFakeGemini } from './support/fake-gemini/fake-gemini.ts';
import { type ServerOptions, type ServerProcess, startServer, temporaryFolder } from './support/server-process.ts';
import { until } from './support/until.ts';
import { startWebhookReceiver, type WebhookReceiver } from './support/webhook-receiver.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Looks often, and takes what is well for well soon. */
const QUICK = { HOLDFAST_ALERT_CHECK_MS: '50', HOLDFAST_ALERT_CLEAR_MS: '200', HOLDFAST_ALERT_DISK_FREE_MB: '0' };

interface World {
  server: ServerProcess;
  receiver: WebhookReceiver;
  fake: FakeGemini;
  active(): Promise<string[]>;
  chat(): Promise<number>;
  /** Waits until the agent has such an alert, or has it no more. */
  becomes(id: string, raised: boolean): Promise<void>;
  log(): string;
  restart(env?: Record<string, string>): Promise<void>;
}

async function open(env: Record<string, string>, options: ServerOptions = {}): Promise<World> {
  const receiver = await startWebhookReceiver();
  const fake = await startFakeGemini();
  const model = { GEMINI_API_KEY: 'alerts-key', GOOGLE_GEMINI_BASE_URL: fake.url, HOLDFAST_MODELS: 'gemini/fake' };
  const all = { ...QUICK, ...model, ALERT_WEBHOOK_URL: receiver.url, ...env };
  const folder = options.folder ?? temporaryFolder('alerts');
  const world: World = {
    server: await startServer({ ...options, folder, env: all }),
    receiver,
    fake,
    active: async () => (await world.server.call<Status>('GET', '/v1/status')).body.alerts.map(({ id }) => id),
    chat: async () => (await world.server.call('POST', '/v1/chat', { message: 'Hello!' })).status,
    becomes: async (id, raised) => {
      await until(async () => (await world.active()).includes(id) === raised, {
        ms: 15_000,
        what: () => `${id} to be ${raised ? 'raised' : 'over'}`,
      });
    },
    log: () => readFileSync(join(world.server.home, 'logs', 'agent.log'), 'utf8'),
    async restart(more = {}) {
      await world.server.stop();
      world.server = await startServer({ ...options, folder, env: { ...all, ...more } });
    },
  };
  closing.push(
    () => fake.stop(),
    () => receiver.close(),
    () => world.server.stop(),
  );
  return world;
}

/** Heard once and once over, by the receiver and in the log, and nothing else was. */
async function saidOnce({ receiver, log }: World, id: string): Promise<void> {
  await until(() => receiver.said(id).length >= 2, { what: () => `two notices of ${id}` });
  expect(receiver.notices.map(({ event, alert }) => `${event} ${alert.id}`)).toEqual([`alert.raised ${id}`, `alert.cleared ${id}`]);
  const logged = (event: string) =>
    log()
      .split('\n')
      .filter((line) => line.includes(`"${event}"`) && line.includes(`"${id}"`)).length;
  await until(() => logged('alert.cleared') > 0, { what: () => 'the log to say it' });
  expect([logged('alert.raised'), logged('alert.cleared')]).toEqual([1, 1]);
  expect(log()).not.toContain('secret-part');
}

describe('raised once, over once', () => {
  test('error_rate: many turns are degraded, then they are not', async () => {
    const world = await open({ HOLDFAST_ALERT_ERROR_TURNS: '4', HOLDFAST_ALERT_WINDOW_MS: '3000' });
    // A refusal of the request itself does not open the breaker: the model is there, and of no use.
    world.fake.setBehaviour({ fault: '400' });
    for (let n = 0; n < 6; n += 1) await world.chat();
    await world.becomes('error_rate', true);
    world.fake.setBehaviour({});
    await world.becomes('error_rate', false);
    await saidOnce(world, 'error_rate');
  });

  test('model_down: a model keeps failing, a probe brings it back', async () => {
    const world = await open({ HOLDFAST_ALERT_MODEL_DOWN_MS: '300', HOLDFAST_ALERT_ERROR_TURNS: '1000' });
    world.fake.setBehaviour({ fault: '503' });
    for (let n = 0; n < 3; n += 1) await world.chat();
    await world.becomes('model_down:gemini/fake', true);
    await until(() => world.receiver.notices.length > 0);
    expect(world.receiver.notices[0]?.text).toMatch(
      /^🔴 holdfast \(development\): gemini\/fake keeps failing .*\nFix: holdfast status --deep/,
    );
    world.fake.setBehaviour({});
    await world.becomes('model_down:gemini/fake', false);
    await saidOnce(world, 'model_down:gemini/fake');
  });

  test('bad_key: not said again by a restart, and over when the key is a good one', async () => {
    const id = 'bad_key:gemini/fake';
    const world = await open({ HOLDFAST_ALERT_ERROR_TURNS: '1000' });
    const isGood = (key: string | undefined) => key === 'a-better-key';
    world.fake.setBehaviour(({ headers }) => (isGood(headers['x-goog-api-key'] as string | undefined) ? {} : { fault: 'bad-key' }));
    await world.chat();
    await world.becomes(id, true);
    await until(() => world.receiver.said(id).length === 1);
    const calls = world.fake.calls();
    await world.restart();
    // It has not been called since: it is not said to be well, and asked with a probe.
    expect(await world.active()).toEqual([id]);
    await until(() => world.fake.calls() > calls, { what: () => 'a probe after the restart' });
    await world.chat();
    expect(world.receiver.said(id)).toEqual(['alert.raised']);
    await world.restart({ GEMINI_API_KEY: 'a-better-key' });
    await world.becomes(id, false);
    await saidOnce(world, id);
  });

  test('audit_broken: somebody changes a row, and changes it back', async () => {
    const world = await open({ HOLDFAST_ALERT_AUDIT_MS: '150' });
    await world.chat();
    const write = (principal: string) => {
      const database = new DatabaseSync(join(world.server.home, 'data', 'agent_state.db'), { timeout: 5_000 });
      const was = database.prepare('SELECT principal FROM audit WHERE seq = 2').get()?.principal as string;
      database.prepare('UPDATE audit SET principal = ? WHERE seq = 2').run(principal);
      database.close();
      return was;
    };
    const was = write('nobody');
    await world.becomes('audit_broken', true);
    await until(() => world.receiver.notices.length > 0);
    expect(world.receiver.notices[0]?.alert.cause).toMatch(/not whole: 1 finding .*Row 2: /);
    write(was);
    await world.becomes('audit_broken', false);
    await saidOnce(world, 'audit_broken');
  });

  test('no_progress: a turn does not end, then it does', async () => {
    const world = await open({ HOLDFAST_ALERT_NO_PROGRESS_MS: '400', HOLDFAST_DEADLINE_MS: '3000', HOLDFAST_ALERT_ERROR_TURNS: '1000' });
    world.fake.setBehaviour({ fault: 'silent' });
    const turn = world.chat();
    await world.becomes('no_progress', true);
    world.fake.setBehaviour({});
    expect(await turn).toBe(200);
    await world.becomes('no_progress', false);
    await saidOnce(world, 'no_progress');
  });

  test('disk_low and store_readonly: a disk fills up and is freed', { timeout: 60_000 }, async (context) => {
    const disk = temporaryFolder('full');
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk], { stdio: 'ignore' }).status !== 0) {
      process.stderr.write('NOT RUN: the alerts of a full disk need the right to mount a tmpfs\n');
      return context.skip();
    }
    closing.push(() => spawnSync('umount', ['-l', disk]));
    const folder = join(disk, 'work');
    mkdirSync(folder);
    const world = await open({ HOLDFAST_ALERT_DISK_FREE_MB: '16' }, { folder });
    expect(await world.chat()).toBe(200);
    expect(await world.active()).toEqual([]);
    // Until nothing goes any more, the ballast included.
    const stuffing: string[] = [];
    const stuff = () => {
      const path = join(disk, `stuffing-${stuffing.length}`);
      stuffing.push(path);
      try {
        writeFileSync(path, Buffer.alloc(64 * 1_048_576));
      } catch {
        // That is what is wanted.
      }
    };
    await until(
      async () => {
        stuff();
        return (await world.chat()) === 503 && (await world.active()).includes('store_readonly');
      },
      { ms: 20_000, what: () => 'the store to be read-only' },
    );
    expect((await world.active()).toSorted()).toEqual(['disk_low', 'store_readonly']);
    for (const path of stuffing) rmSync(path, { force: true });
    await world.becomes('store_readonly', false);
    await world.becomes('disk_low', false);
    expect(await world.chat()).toBe(200);
    await until(() => world.receiver.notices.length >= 4);
    expect(world.receiver.said('disk_low')).toEqual(['alert.raised', 'alert.cleared']);
    expect(world.receiver.said('store_readonly')).toEqual(['alert.raised', 'alert.cleared']);
  });
});

test('a receiver that is down costs no turn anything, and hears of it after a restart', async () => {
  const world = await open({ HOLDFAST_ALERT_DISK_FREE_MB: '900000000' });
  const { url } = world.receiver;
  const port = Number(new URL(url).port);
  await until(() => world.receiver.said('disk_low').length === 1);
  await world.receiver.close();
  await world.restart({ HOLDFAST_ALERT_DISK_FREE_MB: '0' });
  await world.becomes('disk_low', false);
  const began = performance.now();
  expect(await world.chat()).toBe(200);
  expect(performance.now() - began).toBeLessThan(2_000);
  await until(() => world.log().includes('alert.webhook_failed'));
  const deep = await world.server.call<Status>('GET', '/v1/status?deep=true');
  expect(deep.body.findings).toContainEqual(
    expect.objectContaining({ id: 'webhook', severity: 'warning', cause: expect.stringContaining('ECONNREFUSED') }),
  );
  const stopping = performance.now();
  await world.server.stop();
  expect(performance.now() - stopping).toBeLessThan(5_000);
  const again = await startWebhookReceiver(port);
  closing.push(() => again.close());
  await world.restart({ HOLDFAST_ALERT_DISK_FREE_MB: '0' });
  await until(() => again.said('disk_low').length > 0, { what: () => 'the notice that was owed' });
  expect(again.said('disk_low')).toEqual(['alert.cleared']);
});

test('who watches the live feed hears of an alert as it is said', async () => {
  const world = await open({ HOLDFAST_ALERT_AUDIT_MS: '150' });
  const feed = await fetch(`${world.server.url}/v1/events`, { headers: { authorization: `Bearer ${world.server.token}` } });
  const database = new DatabaseSync(join(world.server.home, 'data', 'agent_state.db'), { timeout: 5_000 });
  database.exec(`UPDATE audit SET principal = 'nobody' WHERE seq = 2`);
  database.close();
  let heard = '';
  const decoder = new TextDecoder();
  for await (const piece of feed.body ?? []) {
    heard += decoder.decode(piece, { stream: true });
    if (/^event: alert\n(id: .*\n)?data: .*\n/m.test(heard)) break;
  }
  const [, data = ''] = /^event: alert\n(?:id: .*\n)?data: (.*)\n/m.exec(heard) ?? [];
  expect(alertChangeSchema.parse(JSON.parse(data))).toMatchObject({ kind: 'raised', alert: { id: 'audit_broken' } });
});
