// Somebody's webhook: a real HTTP server that keeps what it was sent and answers as told.
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Alert } from '../../src/contract/alert.ts';

export interface Notice {
  text: string;
  event: 'alert.raised' | 'alert.cleared';
  at: string;
  alert: Alert;
  agent: { id: string; name: string; environment: string };
}

/** One answer; `hang` gives none. */
export type ReceiverAnswer = number | 'hang' | { status: number; location: string };

export interface WebhookReceiver {
  url: string;
  notices: Notice[];
  headers: IncomingHttpHeaders[];
  /** Requests that came, whatever they were answered. */
  requests(): number;
  /** For the next requests, one each, then 200 again. */
  answer(...answers: ReceiverAnswer[]): void;
  /** What was said of an alert, in order. */
  said(id: string): string[];
  close(): Promise<void>;
}

export async function startWebhookReceiver(port = 0): Promise<WebhookReceiver> {
  const notices: Notice[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const answers: ReceiverAnswer[] = [];
  let requests = 0;
  const server = createServer(async (request, response) => {
    requests += 1;
    headers.push(request.headers);
    const body = await text(request);
    const next = answers.shift() ?? 200;
    if (next === 'hang') return;
    const { status, location } = typeof next === 'number' ? { status: next, location: undefined } : next;
    if (status === 200) notices.push(JSON.parse(body) as Notice);
    response.writeHead(status, location === undefined ? {} : { location }).end('ok');
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/T000/B000/secret-part-of-the-path`,
    notices,
    headers,
    requests: () => requests,
    answer: (...given) => void answers.push(...given),
    said: (id) => notices.filter(({ alert }) => alert.id === id).map(({ event }) => event),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
