import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../test/support/until.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../../test/support/webhook-receiver.ts';
import { systemClock } from '../base/clock.ts';
import { type LogFields, silentLogger } from '../base/log.ts';
import { Secret } from '../base/secret.ts';
import type { AlertChange } from '../contract/alert.ts';
import { createWebhook, type WebhookLimits } from './webhook.ts';

let receiver: WebhookReceiver;
let lines: (LogFields & { event: string })[];
beforeEach(async () => {
  lines = [];
  receiver = await startWebhookReceiver();
});
afterEach(() => receiver.close());

const QUICK = { timeoutMs: 300, backoffBaseMs: 5, backoffCapMs: 20, attemptsMax: 4, stopMs: 200 };
const note = (event: string, fields?: LogFields) => void lines.push({ event, ...fields });
const log = { ...silentLogger, warn: note, error: note };

function open(limits: Partial<WebhookLimits> = {}, url = receiver.url) {
  const agent = { id: 'agt_x', name: 'night & <day>', environment: 'production' };
  return createWebhook({ url: new Secret(url), agent, clock: systemClock, log, random: () => 0.5, limits: { ...QUICK, ...limits } });
}

const change = (n: number, kind: AlertChange['kind'] = 'raised'): AlertChange => ({
  kind,
  at: '2026-01-02T03:04:05.000Z',
  alert: {
    id: `disk_low:${n}`,
    rule: 'disk_low',
    severity: 'warning',
    since: '2026-01-02T03:04:05.000Z',
    cause: `Cause ${n}.`,
    fix: 'df -h   # look',
  },
});

/** Sends and waits for what became of it. */
const sent = (webhook: ReturnType<typeof open>, each: AlertChange) => new Promise<boolean>((resolve) => webhook.send(each, resolve));

test('a notice is JSON with a text for people, escaped as Slack asks, and the alert for programs', async () => {
  const webhook = open();
  expect(await sent(webhook, change(1))).toBe(true);
  expect(await sent(webhook, change(1, 'cleared'))).toBe(true);
  const [raised, cleared] = receiver.notices;
  expect(raised?.text).toBe('🟠 night &amp; &lt;day&gt; (production): Cause 1.\nFix: df -h   # look');
  expect(raised).toMatchObject({ event: 'alert.raised', alert: { rule: 'disk_low', fix: 'df -h   # look' }, agent: { id: 'agt_x' } });
  expect(cleared?.text).toMatch(/^🟢 .*over since .*Cause 1\./);
  expect(receiver.headers[0]).toMatchObject({ 'content-type': 'application/json' });
  expect(webhook.state()).toEqual({ queued: 0, failed: 0, lastFailure: undefined });
  await webhook.stop();
});

test.each([500, 503, 429, 408] as const)('a receiver that answers %d is asked again, later, and the order stays', async (status) => {
  const webhook = open();
  receiver.answer(status, status);
  const all = [1, 2, 3].map((n) => sent(webhook, change(n)));
  expect(await Promise.all(all)).toEqual([true, true, true]);
  expect(receiver.notices.map(({ alert }) => alert.id)).toEqual(['disk_low:1', 'disk_low:2', 'disk_low:3']);
  expect(lines).toMatchObject([
    { event: 'alert.webhook_failed', reason: `http_${status}`, attempt: 1 },
    { event: 'alert.webhook_failed', reason: `http_${status}`, attempt: 2 },
  ]);
  await webhook.stop();
});

test('a receiver that never answers is left after the time limit, and given up after so many attempts', async () => {
  const webhook = open({ timeoutMs: 60, attemptsMax: 3 });
  receiver.answer('hang', 'hang', 'hang');
  expect(await sent(webhook, change(1))).toBe(false);
  expect(receiver.requests()).toBe(3);
  expect(webhook.state()).toEqual({ queued: 0, failed: 1, lastFailure: 'timeout' });
  expect(lines.at(-1)).toMatchObject({ event: 'alert.webhook_given_up', reason: 'timeout', attempt: 3 });
  expect(await sent(webhook, change(2))).toBe(true);
  expect(webhook.state().lastFailure).toBeUndefined();
  await webhook.stop();
});

test('a redirect is not followed, and no more than a refusal is worth another attempt', async () => {
  const other = await startWebhookReceiver();
  const webhook = open();
  receiver.answer({ status: 302, location: other.url }, 404);
  expect(await sent(webhook, change(1))).toBe(false);
  expect(await sent(webhook, change(2))).toBe(false);
  expect([receiver.requests(), other.requests()]).toEqual([2, 0]);
  expect(lines.filter(({ event }) => event === 'alert.webhook_given_up')).toMatchObject([{ reason: 'http_302' }, { reason: 'http_404' }]);
  await webhook.stop();
  await other.close();
});

test('nobody there: it is tried and given up, and the address stays out of the log', async () => {
  await receiver.close();
  const webhook = open();
  expect(await sent(webhook, change(1))).toBe(false);
  expect(lines).toHaveLength(QUICK.attemptsMax + 1);
  expect(JSON.stringify(lines)).toContain('ECONNREFUSED');
  expect(JSON.stringify(lines)).not.toMatch(/secret-part|127\.0\.0\.1|http:/);
  await webhook.stop();
});

test('the queue is bounded: what is too much is refused at once and said', async () => {
  const webhook = open({ queueMax: 2 });
  receiver.answer('hang');
  const first = sent(webhook, change(1));
  const second = sent(webhook, change(2));
  expect(await sent(webhook, change(3))).toBe(false);
  expect(lines.at(-1)).toMatchObject({ event: 'alert.webhook_given_up', reason: 'queue_full' });
  expect(await Promise.all([first, second])).toEqual([true, true]);
  await webhook.stop();
});

test('a stop lets what is under way get out, and leaves alone what does not in time', async () => {
  const webhook = open();
  const quick = sent(webhook, change(1));
  await webhook.stop();
  expect(await quick).toBe(true);

  const stuck = open({ timeoutMs: 10_000, stopMs: 100 });
  receiver.answer('hang');
  let told: boolean | undefined;
  stuck.send(change(2), (delivered) => {
    told = delivered;
  });
  await until(() => receiver.requests() === 2);
  const began = performance.now();
  await stuck.stop();
  expect(performance.now() - began).toBeLessThan(2_000);
  // Neither delivered nor given up: the next start owes it.
  expect(told).toBeUndefined();
});
