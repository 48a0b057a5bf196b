// As much of Slack as the bot talks to, over real sockets: signs its events, sends them again when they are not answered in time, checks what is posted.
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

export interface PostedMessage {
  channel: string;
  ts: string;
  threadTs?: string;
  text: string;
  edits: number;
}

export interface Delivery {
  /** Of each try; 0 when there was no answer in 3 s. */
  statuses: number[];
  firstMs: number;
}

export interface SlackEvent {
  type: 'app_mention' | 'message';
  text: string;
  channel: string;
  user?: string;
  ts?: string;
  thread_ts?: string;
  channel_type?: 'im' | 'channel';
  subtype?: string;
  bot_id?: string;
}

export interface DeliverOptions {
  eventId?: string;
  /** Sends it so often again, although the first try was fine: Slack does that when our answer got lost. */
  repeats?: number;
  /** Replaces the signature. */
  signature?: string;
  /** Seconds added to the time that is signed. */
  skewS?: number;
}

export interface SlackStandIn {
  apiUrl: string;
  posted: PostedMessage[];
  /** What the bot did wrong, by Slack's own rules. */
  complaints: string[];
  deliver(botUrl: string, event: SlackEvent, options?: DeliverOptions): Promise<Delivery>;
  /** The next so many calls are answered with 429. */
  limitRate(calls: number): void;
  stop(): Promise<void>;
}

const ANSWER_MS_MAX = 3_000;
const RETRIES_MAX = 3;
const TEXT_CHARS_MAX = 4_000;
const TEAM = 'T0LAMPS';

interface Settings {
  token: string;
  signingSecret: string;
  retryAfterMs: number;
}

/** The Web API: what the bot posts. */
function createWebApi(token: string, nextTs: () => string) {
  const posted: PostedMessage[] = [];
  const complaints: string[] = [];
  const state = { limited: 0 };

  function answerCall(method: string, fields: URLSearchParams): Record<string, unknown> {
    if (method === 'auth.test') return { ok: true, team_id: TEAM, user_id: 'UBOT', bot_id: 'BBOT' };
    const text = fields.get('text') ?? '';
    const channel = fields.get('channel') ?? '';
    const refuse = (error: string) => {
      complaints.push(`${method}: ${error}`);
      return { ok: false, error };
    };
    if (text === '') return refuse('no_text');
    if (text.length > TEXT_CHARS_MAX) return refuse('msg_too_long');
    if (method === 'chat.postMessage') {
      const threadTs = fields.get('thread_ts');
      const message = { channel, ts: nextTs(), text, edits: 0, ...(threadTs === null ? {} : { threadTs }) };
      posted.push(message);
      return { ok: true, channel, ts: message.ts };
    }
    if (method !== 'chat.update') return refuse('unknown_method');
    const message = posted.find((each) => each.channel === channel && each.ts === fields.get('ts'));
    if (!message) return refuse('message_not_found');
    message.text = text;
    message.edits += 1;
    return { ok: true, channel, ts: message.ts };
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat((await request.toArray()) as Buffer[]).toString();
    const respond = (status: number, answer: unknown, headers = {}) =>
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(answer));
    if (state.limited > 0) {
      state.limited -= 1;
      respond(429, { ok: false, error: 'ratelimited' }, { 'retry-after': '1' });
    } else if (request.headers.authorization !== `Bearer ${token}`) {
      complaints.push('a call without the token');
      respond(200, { ok: false, error: 'invalid_auth' });
    } else respond(200, answerCall((request.url ?? '').replace(/^\/api\//, ''), new URLSearchParams(body)));
  }

  return { posted, complaints, state, handle };
}

/** One try of Slack to deliver. 0 when there is no answer in time, or nobody there. */
async function send(url: string, body: string, signing: DeliverOptions & { secret: string; retry: number }): Promise<number> {
  const timestamp = String(Math.floor(Date.now() / 1000) + (signing.skewS ?? 0));
  const hash = createHmac('sha256', signing.secret).update(`v0:${timestamp}:${body}`).digest('hex');
  const headers = {
    'content-type': 'application/json',
    'x-slack-request-timestamp': timestamp,
    'x-slack-signature': signing.signature ?? `v0=${hash}`,
    ...(signing.retry === 0 ? {} : { 'x-slack-retry-num': String(signing.retry), 'x-slack-retry-reason': 'http_error' }),
  };
  return fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(ANSWER_MS_MAX) }).then(
    ({ status }) => status,
    () => 0,
  );
}

export async function startSlackStandIn(settings: Settings): Promise<SlackStandIn> {
  const clock = { second: 1_700_000_000, events: 0 };
  const nextTs = () => {
    clock.second += 1;
    return `${clock.second}.000100`;
  };
  const api = createWebApi(settings.token, nextTs);
  const server = createServer((request, response) => void api.handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`,
    posted: api.posted,
    complaints: api.complaints,
    async deliver(botUrl, event, options = {}) {
      clock.events += 1;
      const envelope = {
        type: 'event_callback',
        team_id: TEAM,
        api_app_id: 'A0BOT',
        event_id: options.eventId ?? `Ev${clock.events}`,
        event_time: clock.second,
        authorizations: [{ team_id: TEAM, user_id: 'UBOT', is_bot: true }],
        event: { user: 'UADA', ts: nextTs(), ...event },
      };
      const body = JSON.stringify(envelope);
      const statuses: number[] = [];
      const began = performance.now();
      let firstMs = 0;
      for (let retry = 0; retry <= RETRIES_MAX; retry += 1) {
        if (retry > 0) await wait(settings.retryAfterMs);
        statuses.push(await send(`${botUrl}/slack/events`, body, { ...options, secret: settings.signingSecret, retry }));
        if (retry === 0) firstMs = performance.now() - began;
        if (statuses.at(-1) === 200 && retry >= (options.repeats ?? 0)) break;
        if (statuses.at(-1) === 401) break;
      }
      return { statuses, firstMs };
    },
    limitRate(calls) {
      api.state.limited = calls;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
