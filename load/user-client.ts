// One message over node:http, as JSON or as a stream whose first token is timed. For what autocannon cannot see or pace.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { fail, type Sent, settle } from './ledger.ts';

const BODY_CHARS_MAX = 16 * 1024 * 1024;

export interface UserClient {
  /** Settles the entry. Resolves with when the first token came, in `performance.now()` time. Must not reject. */
  send(entry: Sent, stop?: AbortSignal): Promise<number | null>;
  close(): void;
}

export function createUserClient(target: { url: string; apiKey: string }, options: { connections: number; timeoutMs: number }): UserClient {
  const isTls = target.url.startsWith('https:');
  const agent = isTls
    ? new HttpsAgent({ keepAlive: true, maxSockets: options.connections })
    : new HttpAgent({ keepAlive: true, maxSockets: options.connections });
  const open = isTls ? httpsRequest : httpRequest;

  return {
    send: (entry, stop) =>
      new Promise((resolve) => {
        const reader = createReader(entry);
        let isOver = false;
        const end = (code?: string) => {
          if (isOver) return;
          isOver = true;
          clearTimeout(timer);
          stop?.removeEventListener('abort', cut);
          if (code !== undefined && !entry.answer && entry.trouble === undefined) fail(entry, code);
          resolve(reader.firstTokenAt());
        };
        const request = open(`${target.url}/v1/chat`, { method: 'POST', agent, headers: headersOf(entry, target.apiKey) }, (response) => {
          response.setEncoding('utf8');
          response.on('data', (text: string) => reader.take(response, text));
          response.on('end', () => {
            reader.end(response);
            end('closed');
          });
          response.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'closed'));
          response.on('close', () => end('closed'));
        });
        const abandon = (code: string) => {
          end(code);
          request.destroy();
        };
        const cut = () => abandon('cut');
        const timer = setTimeout(() => abandon('timeout'), options.timeoutMs);
        stop?.addEventListener('abort', cut);
        request.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'failed'));
        request.end(entry.body);
      }),
    close: () => agent.destroy(),
  };
}

const headersOf = (entry: Sent, apiKey: string) => ({
  authorization: `Bearer ${apiKey}`,
  'content-type': 'application/json',
  'content-length': Buffer.byteLength(entry.body),
  'idempotency-key': entry.key,
  accept: entry.kind === 'stream' ? 'text/event-stream' : 'application/json',
});

/** Reads an answer as it comes; of a stream only the event under way is kept. */
function createReader(entry: Sent) {
  let text = '';
  let firstTokenAt: number | null = null;
  const isStream = (response: IncomingMessage) => response.headers['content-type']?.startsWith('text/event-stream') === true;
  const onEvent = (block: string) => {
    const event = /^event: ?(.*)$/m.exec(block)?.[1];
    const data = /^data: ?(.*)$/m.exec(block)?.[1] ?? '';
    if (event === 'text.delta') firstTokenAt ??= performance.now();
    else if (event === 'turn.end') settle(entry, 200, data);
    else if (event === 'error') settle(entry, 500, data);
  };
  return {
    firstTokenAt: () => firstTokenAt,
    take(response: IncomingMessage, piece: string) {
      text += piece;
      if (text.length > BODY_CHARS_MAX) response.destroy(new Error('too large'));
      if (!isStream(response)) return;
      for (let at = text.indexOf('\n\n'); at !== -1; at = text.indexOf('\n\n')) {
        onEvent(text.slice(0, at));
        text = text.slice(at + 2);
      }
    },
    end(response: IncomingMessage) {
      if (!isStream(response)) settle(entry, response.statusCode ?? 0, text);
    },
  };
}
