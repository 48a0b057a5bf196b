// The sockets: Node's servers with every bound set, and answers for what Node refuses before a request exists.
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { AppError, ConfigError, type ErrorCode } from '../base/errors.ts';
import { freePortNear } from '../base/free-port.ts';
import type { Ids } from '../base/ids.ts';
import type { Logger } from '../base/log.ts';
import { API_HEADERS } from './headers.ts';
import type { HttpLimits } from './limits.ts';
import { codeForParserError, problemReply } from './problem.ts';

export type Listen = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

export interface ListenerParts {
  ids: Ids;
  log: Logger;
  limits: HttpLimits;
  onProblem(code: ErrorCode): void;
}

export function createListener(listen: Listen, parts: ListenerParts): Server {
  const { limits } = parts;
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.headersTimeoutMs + limits.bodyTimeoutMs,
      connectionsCheckingInterval: limits.timeoutCheckMs,
      keepAliveTimeout: limits.keepAliveMs,
      // Ours to refuse, with a problem: Node would hang up without a word.
      requireHostHeader: false,
    },
    listen,
  );
  server.maxConnections = limits.connectionsMax;
  // Node drops headers beyond its limit silently, such as a second Authorization: the pipeline has to see that there were more.
  server.maxHeadersCount = limits.headersMax + 1;
  server.on('checkExpectation', listen);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuseSocket(error, socket, parts));
  server.on('connect', (_request, socket) => refuseSocket({ code: 'CONNECT' }, socket, parts));
  return server;
}

/** A raw answer on a connection whose request never became one. Never into the middle of an answer under way. */
function refuseSocket(error: { code?: string | undefined }, socket: Duplex, { ids, log, onProblem }: ListenerParts): void {
  const underWay = (socket as Duplex & { _httpMessage?: ServerResponse | null })._httpMessage;
  if (!socket.writable || error.code === 'ECONNRESET' || underWay?.headersSent) {
    socket.destroy();
    return;
  }
  const requestId = ids.make('req');
  const code = codeForParserError(error.code);
  onProblem(code);
  const reply = problemReply(new AppError(code), requestId);
  const body = String(reply.body);
  const headers = {
    ...API_HEADERS,
    ...reply.headers,
    'x-request-id': requestId,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  log.debug('request.unreadable', { requestId, code, status: reply.status });
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status]}\r\n${head.join('')}\r\n${body}`);
}

export interface Place {
  host: string;
  port: number;
  flag: '--port' | '--dashboard-port';
  /** Ports of all listeners: none is suggested for another. */
  taken: readonly number[];
}

/** Resolves with the port. Rejects with ConfigError for what the operator can mend. */
export function listen(server: Server, place: Place): Promise<number> {
  const { host, port } = place;
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => void listenError(error, place).then(reject, reject);
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

const SETTING_OF = { '--port': 'PORT', '--dashboard-port': 'DASHBOARD_PORT' } as const;

async function listenError(error: NodeJS.ErrnoException, { host, port, flag, taken }: Place): Promise<Error> {
  if (error.code === 'EADDRINUSE')
    return new ConfigError(
      `Port ${port} on ${host} is in use by another program.`,
      `holdfast start ${flag} ${await freePortNear(host, port, taken)}   # or set ${SETTING_OF[flag]}; what has it: lsof -nP -iTCP:${port} -sTCP:LISTEN`,
      { cause: error, exitCode: 1 },
    );
  if (error.code === 'EACCES')
    return new ConfigError(`Port ${port} may not be opened by this user.`, `holdfast start ${flag} ${flag === '--port' ? 8000 : 3000}`, {
      cause: error,
    });
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return new ConfigError(`${host} is not an address of this machine.`, 'holdfast start --host 127.0.0.1', { cause: error });
  return error;
}

/** How often connections that became idle while stopping are closed: Node looks for them only once. */
const IDLE_CHECK_MS = 25;

/** Stops accepting and waits for the answers under way; what is left after `limitMs` is cut. */
export function close(server: Server, limitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), limitMs);
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
    server.close(() => {
      clearTimeout(cut);
      clearInterval(idle);
      resolve();
    });
  });
}
