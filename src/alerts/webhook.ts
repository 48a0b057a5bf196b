// Alerts on their way to somebody's webhook: in order, a few attempts each, and never in the way of anything else.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { fullJitterMs } from '../base/backoff.ts';
import { type Clock, pause } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Secret } from '../base/secret.ts';
import type { AlertChange } from '../contract/alert.ts';

export interface WebhookLimits {
  queueMax: number;
  attemptsMax: number;
  /** For one attempt, from the connection to the end of the answer's head. */
  timeoutMs: number;
  backoffBaseMs: number;
  backoffCapMs: number;
  /** What a stop grants to notices under way. */
  stopMs: number;
}

export const WEBHOOK_LIMITS: WebhookLimits = {
  queueMax: 100,
  attemptsMax: 6,
  timeoutMs: 5_000,
  backoffBaseMs: 1_000,
  backoffCapMs: 60_000,
  stopMs: 2_000,
};

export interface WebhookParts {
  url: Secret;
  /** Who speaks: several agents may share a channel. */
  agent: { id: string; name: string; environment: string };
  clock: Clock;
  log: Logger;
  random: () => number;
  limits?: Partial<WebhookLimits>;
}

export interface Webhook {
  /** Queues it; `done` hears once whether it was delivered. Never throws. */
  send(change: AlertChange, done: (delivered: boolean) => void): void;
  state(): { queued: number; failed: number; lastFailure?: string | undefined };
  stop(): Promise<void>;
}

interface Waiting {
  change: AlertChange;
  done: (delivered: boolean) => void;
}

/** What came of one attempt; `again` is worth another. The reason is a status or Node's error code, never the address. */
type Attempt = { kind: 'delivered' } | { kind: 'again' | 'refused'; reason: string };

export function createWebhook(parts: WebhookParts): Webhook {
  const { clock, log, random } = parts;
  const limits: WebhookLimits = { ...WEBHOOK_LIMITS, ...parts.limits };
  const queue: Waiting[] = [];
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let failed = 0;
  let lastFailure: string | undefined;

  async function run(): Promise<void> {
    for (let next = queue[0]; next; next = queue[0]) {
      const delivered = await deliver(next.change);
      // Left alone by a stop: it is owed, and sent after the next start.
      if (delivered === undefined) return;
      queue.shift();
      next.done(delivered);
    }
    // At once: what is sent a moment later must find nobody running.
    running = undefined;
  }

  async function deliver(change: AlertChange): Promise<boolean | undefined> {
    const body = JSON.stringify(payload(change, parts.agent));
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await post(parts.url.reveal(), body, { timeoutMs: limits.timeoutMs, clock, signal: stopping.signal });
      if (outcome.kind === 'delivered') {
        lastFailure = undefined;
        return true;
      }
      if (stopping.signal.aborted) return undefined;
      lastFailure = outcome.reason;
      log.warn('alert.webhook_failed', { code: change.alert.id, state: change.kind, reason: outcome.reason, attempt });
      if (outcome.kind === 'refused' || attempt >= limits.attemptsMax) {
        failed += 1;
        log.error('alert.webhook_given_up', { code: change.alert.id, state: change.kind, reason: outcome.reason, attempt });
        return false;
      }
      // Half of it always waits: an immediate second attempt helps nobody.
      const backoffMs = fullJitterMs(attempt, limits.backoffBaseMs, limits.backoffCapMs, () => 0.5 + random() / 2);
      await pause(clock, backoffMs, stopping.signal);
      if (stopping.signal.aborted) return undefined;
    }
  }

  return {
    send(change, done) {
      if (queue.length >= limits.queueMax) {
        failed += 1;
        lastFailure = 'queue_full';
        log.error('alert.webhook_given_up', { code: change.alert.id, state: change.kind, reason: 'queue_full' });
        done(false);
        return;
      }
      if (stopping.signal.aborted) return;
      queue.push({ change, done });
      running ??= run();
    },
    state: () => ({ queued: queue.length, failed, lastFailure }),
    async stop() {
      const late = clock.after(limits.stopMs, () => stopping.abort());
      await running;
      late.cancel();
      stopping.abort();
    },
  };
}

/** `text` is what Slack and those that understand it show; the rest is for programs. */
function payload({ kind, at, alert }: AlertChange, agent: WebhookParts['agent']): Record<string, unknown> {
  const who = `${agent.name} (${agent.environment})`;
  const text =
    kind === 'raised'
      ? `${alert.severity === 'error' ? '🔴' : '🟠'} ${who}: ${alert.cause}\nFix: ${alert.fix}`
      : `🟢 ${who}: over since ${at}: ${alert.cause} It had begun ${alert.since}.`;
  return { text: escaped(text), event: `alert.${kind}`, at, alert, agent };
}

/** As Slack asks for in its text. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

interface Posting {
  timeoutMs: number;
  clock: Clock;
  signal: AbortSignal;
}

/** Redirects are an answer like any other: whoever gave the address did not mean another one. Never rejects: an address that cannot even be asked is refused. */
function post(url: string, body: string, { timeoutMs, clock, signal }: Posting): Promise<Attempt> {
  return new Promise<Attempt>((resolve) => {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest;
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'user-agent': 'holdfast' };
    const sent = send(url, { method: 'POST', headers, agent: false, signal });
    const settle = (attempt: Attempt) => {
      timer.cancel();
      resolve(attempt);
      // Nothing in the answer's body is of interest, however long it is.
      sent.destroy();
    };
    const timer = clock.after(timeoutMs, () => settle({ kind: 'again', reason: 'timeout' }));
    sent.on('error', (error: NodeJS.ErrnoException) => settle({ kind: 'again', reason: error.code ?? 'failed' }));
    sent.on('response', (response) => {
      response.on('error', () => undefined); // cut off by us
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) return settle({ kind: 'delivered' });
      const isPassing = status >= 500 || status === 408 || status === 425 || status === 429;
      settle({ kind: isPassing ? 'again' : 'refused', reason: `http_${status}` });
    });
    sent.end(body);
  }).catch((): Attempt => ({ kind: 'refused', reason: 'not_sendable' }));
}
