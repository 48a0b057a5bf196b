import { IncomingMessage } from 'node:http';

/** A request as the pipeline sees it: plain data over Node's own message, or over a fetch `Request` that came by no socket. */
export interface RequestView {
  method: string;
  /** Path and query as sent. */
  url: string;
  /** Names in lower case. */
  headers: Record<string, string | string[] | undefined>;
  /** Names and values in turn, as they came. */
  rawHeaders: readonly string[];
  /** Address at the other end of the socket; undefined when there is none. */
  peer: string | undefined;
  listener: ListenerName;
  body: IncomingMessage | ReadableStream<Uint8Array> | null;
}

export type ListenerName = 'api' | 'dashboard';

export function viewOfNode(incoming: IncomingMessage, listener: ListenerName): RequestView {
  return {
    method: incoming.method ?? 'GET',
    url: incoming.url ?? '/',
    headers: incoming.headers,
    rawHeaders: incoming.rawHeaders,
    peer: incoming.socket.remoteAddress,
    listener,
    body: incoming,
  };
}

export function viewOfFetch(request: Request, peer: string | undefined, listener: ListenerName): RequestView {
  const { pathname, search, host } = new URL(request.url);
  const headers: Record<string, string> = Object.fromEntries(request.headers);
  headers.host ??= host;
  return {
    method: request.method,
    url: pathname + search,
    headers,
    rawHeaders: Object.entries(headers).flat(),
    peer,
    listener,
    body: request.body,
  };
}

/** The header's value; Node joins repeated ones, so callers for whom that matters ask `headerCount`. */
export function header(view: RequestView, name: string): string | undefined {
  const value = view.headers[name];
  return typeof value === 'string' ? value : value?.join(', ');
}

/** How often the header was sent. Node keeps only the first Host and Authorization, which is how smuggling begins. */
/** Asks for server-sent events. */
export const wantsStream = (view: RequestView): boolean => header(view, 'accept')?.includes('text/event-stream') === true;

export function headerCount(view: RequestView, name: string): number {
  let count = 0;
  const { rawHeaders } = view;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const sent = rawHeaders[i];
    if (sent !== undefined && sent.length === name.length && sent.toLowerCase() === name) count++;
  }
  return count;
}

/** 127.0.0.0/8 and ::1, also as IPv4 mapped into IPv6. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(address);
}

/** What proxies and tunnels say of whom they speak for; `x-forwarded-…` in all its kinds. */
const FORWARDING = new Set([
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'cf-ray',
]);

/** Somebody stands between the caller and us, and says so. */
export const isForwarded = ({ headers }: RequestView): boolean =>
  Object.keys(headers).some((name) => headers[name] !== undefined && (FORWARDING.has(name) || name.startsWith('x-forwarded-')));

/**
 * True when the caller sits on this machine and spoke to us directly. A proxy on this machine also connects from loopback, for anyone: a
 * forwarding header makes the request foreign, whatever the settings say.
 */
export function isLocalPeer(view: RequestView): boolean {
  if (view.peer === undefined || !isLoopbackAddress(view.peer)) return false;
  return !isForwarded(view);
}

/** Who to name in the audit: the socket's peer, or behind a trusted proxy what that proxy saw (the last entry is the only one it wrote itself). */
export function sourceOf(view: RequestView, trustProxy: boolean): string {
  const forwarded = trustProxy ? header(view, 'x-forwarded-for')?.split(',').at(-1)?.trim() : undefined;
  const address = forwarded ?? view.peer ?? 'in-process';
  return /^[0-9a-fA-F:.]{1,45}$|^in-process$/.test(address) ? address : 'unreadable';
}

/** Cuts the connection without a word: for a peer that stopped taking what it asked for. */
export function dropPeer(view: RequestView): void {
  if (view.body instanceof IncomingMessage) view.body.socket.destroy();
}
