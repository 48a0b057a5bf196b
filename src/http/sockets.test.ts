// What only real sockets show: limits, malformed requests, slow clients, ports and stopping.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { ADMIN_KEY, asAdmin, asLocal, createWorld, LOCAL_TOKEN, raw, type WorldOptions } from '../../test/support/http-world.ts';
import { until } from '../../test/support/until.ts';
import type { PlacedEvent } from '../agent/agent.ts';
import { ConfigError } from '../base/errors.ts';
import { problemSchema } from '../contract/problem.ts';

const open: { stop(): Promise<void> }[] = [];
afterEach(() => Promise.all(open.splice(0).map((http) => http.stop())));

async function started(options: WorldOptions = {}) {
  const world = createWorld(options);
  open.push(world.http);
  return { ...world, ...(await world.http.start()) };
}

const head = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`;
const CHAT = ['POST /v1/chat HTTP/1.1', 'Host: localhost', `Authorization: Bearer ${ADMIN_KEY}`, 'Content-Type: application/json'];

/** Status and problem code of a raw answer. */
function seen(answer: string): [number, string] {
  const [top = '', body = ''] = answer.split('\r\n\r\n');
  expect(top).toMatch(/\r\nx-request-id: /i);
  expect(top).not.toMatch(/\r\n(?:server|x-powered-by):/i);
  return [Number(top.slice(9, 12)), problemSchema.parse(JSON.parse(body)).code];
}

describe('a malformed request gets a problem and costs nobody else anything', () => {
  const BAD: Record<string, [request: string, status: number]> = {
    'no HTTP': [head('HELLO'), 400],
    'an unknown method': [head('FROB /health HTTP/1.1', 'Host: localhost'), 400],
    'a bad version': [head('GET /health HTTP/9.9', 'Host: localhost'), 400],
    'no Host': [head('GET /health HTTP/1.1', 'Connection: close'), 400],
    'two Hosts': [head('GET /health HTTP/1.1', 'Host: localhost', 'Host: localhost', 'Connection: close'), 400],
    'two Hosts that disagree': [head('GET /livez HTTP/1.1', 'Host: localhost', 'host: evil.example', 'Connection: close'), 400],
    'another host in the target': [head('GET http://evil.example/health HTTP/1.1', 'Host: localhost', 'Connection: close'), 400],
    'a backslash in the path': [head('GET /health\\..\\v1 HTTP/1.1', 'Host: localhost', 'Connection: close'), 400],
    'a target that is no path': [head('GET health HTTP/1.1', 'Host: localhost', 'Connection: close'), 400],
    'a bare line feed in a header': ['GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\nEvil: b\r\n\r\n', 400],
    'a header without a name': [head('GET /health HTTP/1.1', 'Host: localhost', ': x'), 400],
    'a NUL in a header': [head('GET /health HTTP/1.1', 'Host: localhost', 'X: \0'), 400],
    'length and chunks at once': [`${head(...CHAT, 'Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n`, 400],
    'two lengths': [head(...CHAT, 'Content-Length: 4', 'Content-Length: 5'), 400],
    'a negative length': [head(...CHAT, 'Content-Length: -1'), 400],
    'a chunk size that is none': [`${head(...CHAT, 'Transfer-Encoding: chunked')}zz\r\n`, 400],
    'headers too large': [head('GET /health HTTP/1.1', 'Host: localhost', `X: ${'x'.repeat(17_000)}`), 431],
    'too many small headers': [
      head('GET /health HTTP/1.1', 'Host: localhost', 'Connection: close', ...Array.from({ length: 5_000 }, () => 'a:')),
      431,
    ],
    'a request for a tunnel': [head('CONNECT evil.example:443 HTTP/1.1', 'Host: localhost'), 400],
    'two keys': [
      head(
        'GET /v1/status HTTP/1.1',
        'Host: localhost',
        `Authorization: Bearer ${ADMIN_KEY}`,
        'Authorization: Bearer x',
        'Connection: close',
      ),
      401,
    ],
    'two equal keys': [
      head(
        'GET /v1/status HTTP/1.1',
        'Host: localhost',
        `Authorization: Bearer ${ADMIN_KEY}`,
        `authorization: Bearer ${ADMIN_KEY}`,
        'Connection: close',
      ),
      401,
    ],
    'two idempotency keys': [
      `${head(...CHAT, 'Idempotency-Key: a', 'Idempotency-Key: b', 'Content-Length: 15', 'Connection: close')}{"message":"m"}`,
      400,
    ],
    'a body larger than it says': [`${head(...CHAT, 'Content-Length: 5000000', 'Connection: close')}x`, 413],
    'an upgrade nobody offers': [head('GET /v1/chat HTTP/1.1', 'Host: localhost', 'Connection: Upgrade, close', 'Upgrade: websocket'), 405],
    'an expectation nobody meets': [head('GET /nothing HTTP/1.1', 'Host: localhost', 'Expect: the-moon', 'Connection: close'), 404],
  };

  test.each(Object.entries(BAD))('%s', async (_name, [request, status]) => {
    const { port, agent } = await started();
    const [got] = seen(await raw(port, request));
    expect(got).toBe(status);
    expect(agent.submissions).toEqual([]);
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
  });

  test('a second request that is garbage does not spoil the first one’s answer', async () => {
    const { promise: hold, resolve } = Promise.withResolvers<void>();
    const { port, agent } = await started({ script: () => ({ hold }) });
    const answer = raw(port, `${head(...CHAT, 'Content-Length: 15')}{"message":"m"}`, 'GARBAGE\r\n\r\n');
    await until(() => agent.submissions.length === 1);
    resolve();
    const text = await answer;
    expect(text.match(/HTTP\/1\.1/g)?.length ?? 0).toBeLessThanOrEqual(1);
  });
});

describe('a body is bounded while it is read', () => {
  test('a gigabyte in chunks is refused at the first megabyte', async () => {
    const { port, agent } = await started();
    const socket = connect(port, '127.0.0.1');
    const answer = once(socket, 'data');
    socket.write(head(...CHAT, 'Transfer-Encoding: chunked'));
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536, 0x20), Buffer.from('\r\n')]);
    let sent = 0;
    socket.on('error', () => socket.destroy());
    const pour = () => {
      while (!socket.destroyed && sent < 2 ** 30 && socket.write(chunk)) sent += chunk.length;
    };
    socket.on('drain', pour);
    pour();
    expect(seen(String((await answer)[0]))).toEqual([413, 'payload_too_large']);
    socket.destroy();
    expect(sent).toBeLessThan(64 * 2 ** 20);
    expect(agent.submissions).toEqual([]);
  });

  test('one that is shorter than it says ends with the time limit, as a problem', async () => {
    const { port, agent } = await started({ limits: { headersTimeoutMs: 100, bodyTimeoutMs: 200, timeoutCheckMs: 50 } });
    const start = performance.now();
    expect(seen(await raw(port, `${head(...CHAT, 'Content-Length: 500')}{"message":"m"}`))).toEqual([408, 'request_timeout']);
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(agent.submissions).toEqual([]);
  });

  test('one in many small pieces arrives whole', async () => {
    const { port, agent } = await started();
    const body = Buffer.from(JSON.stringify({ message: 'ünïcödé '.repeat(50) }));
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    socket.write(head(...CHAT, `Content-Length: ${body.length}`, 'Connection: close'));
    for (let i = 0; i < body.length; i += 7) {
      socket.write(body.subarray(i, i + 7));
      await turn();
    }
    await once(socket.resume(), 'close');
    expect(agent.submissions[0]?.message).toBe('ünïcödé '.repeat(50));
  });

  test('a client that goes away in the middle starts nothing and breaks nothing', async () => {
    const { port, agent } = await started();
    const socket = connect(port, '127.0.0.1');
    socket.write(`${head(...CHAT, 'Content-Length: 500')}{"message":"m"`);
    await once(socket, 'connect');
    socket.resetAndDestroy();
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
    expect(agent.submissions).toEqual([]);
  });
});

test('headers that never end are cut off in time', async () => {
  const { port } = await started({ limits: { headersTimeoutMs: 150, timeoutCheckMs: 50 } });
  const sockets = Array.from({ length: 20 }, () => raw(port, 'GET /health HTTP/1.1\r\nHost: localhost\r\nX'));
  for (const answer of await Promise.all(sockets)) expect(seen(answer)).toEqual([408, 'request_timeout']);
});

test('connections are bounded, and room comes back', async () => {
  const { port } = await started({ limits: { connectionsMax: 5 } });
  const held = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    }),
  );
  expect(await raw(port, head('GET /livez HTTP/1.1', 'Connection: close'))).toBe('');
  for (const socket of held) socket.destroy();
  await until(async () => (await raw(port, head('GET /livez HTTP/1.0'))).startsWith('HTTP/1.1 200'));
});

test('the local token works over a real loopback socket, and idle connections are kept', async () => {
  const { port } = await started();
  const answer = await fetch(`http://127.0.0.1:${port}/v1/status`, { headers: asLocal });
  expect([answer.status, answer.headers.get('keep-alive')]).toEqual([200, 'timeout=65']);
  expect(await raw(port, head('GET /livez HTTP/1.0'))).toMatch(/^HTTP\/1\.1 200/);
});

describe('ports', () => {
  async function busyPort(): Promise<{ port: number; free(): void }> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { port: (server.address() as AddressInfo).port, free: () => server.close() };
  }

  test('a taken one is a ConfigError that names it and how to find who has it', async () => {
    const { port, free } = await busyPort();
    const error = await createWorld({ config: { port } })
      .http.start()
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toContain(String(port));
    expect((error as ConfigError).fix).toContain(`lsof -nP -iTCP:${port}`);
    expect((error as ConfigError).exitCode).toBe(1);
    free();
  });

  test('a taken dashboard port is done without if it is the default, and an error (with nothing left open) if it was asked for', async () => {
    const { port: dashboardPort, free } = await busyPort();
    const world = await started({ config: { dashboardPort, dashboardPortIsDefault: true } });
    expect(world.dashboardPort).toBeUndefined();
    const { port, free: freeApi } = await busyPort();
    freeApi();
    const asked = createWorld({ config: { port, dashboardPort, dashboardPortIsDefault: false } });
    await expect(asked.http.start()).rejects.toThrow(ConfigError);
    expect(await raw(port, head('GET /livez HTTP/1.0'))).toBe('');
    free();
  });

  test('the dashboard has its own, with the same app behind it', async () => {
    const { port: dashboardPort, free } = await busyPort();
    free();
    const world = await started({ config: { dashboardPort } });
    expect(world.dashboardPort).toBe(dashboardPort);
    const at = (path: string, port = dashboardPort) => fetch(`http://127.0.0.1:${port}${path}`, { headers: asAdmin });
    expect((await at('/')).headers.get('content-type')).toContain('text/html');
    expect((await at('/v1/status')).status).toBe(200);
    expect((await at('/', world.port)).status).toBe(404);
  });
});

describe('a stop', () => {
  test('lets answers under way finish, ends streams, refuses new connections, and is idempotent', async () => {
    const { promise: hold, resolve } = Promise.withResolvers<void>();
    const { port, http, agent, life } = await started({ script: () => ({ deltas: ['so far'], hold }) });
    const body = (stream: boolean) => ({
      method: 'POST',
      headers: { ...asAdmin, 'content-type': 'application/json' },
      body: JSON.stringify({ message: 'm', stream }),
    });
    const json = fetch(`http://127.0.0.1:${port}/v1/chat`, body(false));
    const stream = await fetch(`http://127.0.0.1:${port}/v1/chat`, body(true));
    await until(() => agent.submissions.length === 2);
    life.state = 'draining';
    const stopped = Promise.all([http.stop(), http.stop()]);
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow();
    const text = await stream.text();
    expect(text).toContain('so far');
    expect(text).not.toContain('turn.end');
    resolve();
    const answer = await json;
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
    await stopped;
  });

  test('cuts what does not end within its limit', async () => {
    const { port, http, agent } = await started({ limits: { stopMs: 100 }, script: () => ({ hold: new Promise(() => {}) }) });
    const answer = fetch(`http://127.0.0.1:${port}/v1/chat`, {
      method: 'POST',
      headers: { ...asAdmin, 'content-type': 'application/json' },
      body: '{"message":"m"}',
    });
    await until(() => agent.submissions.length === 1);
    const cut = expect(answer).rejects.toThrow();
    await http.stop();
    await cut;
  });
});

test('a reader that takes nothing hurts only itself: nothing is queued for it, and others stay in step', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const bytesInUse = () => {
    collect();
    const { external, heapUsed } = process.memoryUsage();
    return external + heapUsed;
  };
  const world = await started();
  // A story without an end: every cursor gives 64 KiB whenever it is asked.
  const given: number[] = [];
  world.agent.find = async (turnId) => {
    const reader = given.push(0) - 1;
    const next = async (): Promise<PlacedEvent[]> => {
      const at = given[reader] ?? 0;
      given[reader] = at + 65_536;
      await turn();
      return [{ event: { type: 'text.delta', at, text: 'x'.repeat(65_536) }, at: { attempt: 1, step: 0, offset: at + 65_536 } }];
    };
    return { turnId, sessionId: '', outcome: () => new Promise(() => {}), events: () => ({ next, close: () => {} }) };
  };
  const ask = () => {
    const socket = connect(world.port, '127.0.0.1').on('error', () => socket.destroy());
    socket.write(head(`GET /v1/turns/${world.ids.make('trn')}/events HTTP/1.1`, 'Host: localhost', `Authorization: Bearer ${LOCAL_TOKEN}`));
    return socket;
  };
  const stalled = Array.from({ length: 50 }, () => ask().pause());
  await until(() => given.length === 50);
  // Stalled: the buffers of both kernels' ends are full, and nobody is asked for more.
  let sum = -1;
  await until(async () => {
    const before = sum;
    sum = given.reduce((total, each) => total + each, 0);
    for (let i = 0; i < 200; i++) await turn();
    return sum === before;
  });
  const before = bytesInUse();
  let got = 0;
  const good = ask().on('data', (chunk: Buffer) => {
    got += chunk.length;
  });
  await until(() => got > 40_000_000, { ms: 15_000 });
  expect(given.slice(0, 50).reduce((total, each) => total + each, 0)).toBe(sum);
  good.destroy();
  // What the good reader left behind is freed in its own time; what is queued for the others would stay.
  await until(() => bytesInUse() - before < 32 * 2 ** 20, { everyMs: 100, what: () => 'the memory of the stream to be free again' });
  for (const socket of stalled) socket.destroy();
  await world.http.stop();
  expect(before - bytesInUse()).toBeLessThan(50 * 2 ** 20);
});

test('whose key is revoked while their body is under way changes nothing any more', async () => {
  const { port, call, access } = await started();
  const made = await (await call('POST /v1/keys', { headers: asAdmin, body: { name: 'boss', role: 'admin' } })).json();
  const { id, key } = made as unknown as { id: string; key: string };
  const body = '{"name":"backdoor","role":"admin"}';
  const lines = ['POST /v1/keys HTTP/1.1', 'Host: localhost', `Authorization: Bearer ${key}`, 'Content-Type: application/json'];
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.write(`${head(...lines, 'Connection: close', `Content-Length: ${body.length}`)}${body.slice(0, 5)}`);
  // The gate has let the head in, and waits for the body.
  await until(() => typeof access.byKey(key)?.lastUsedAt === 'number');
  await call(`DELETE /v1/keys/${id}`, { headers: asAdmin });
  socket.write(body.slice(5));
  await once(socket, 'close');
  expect(seen(Buffer.concat(chunks).toString())).toEqual([401, 'unauthenticated']);
  const { data } = await (await call('GET /v1/keys', { headers: asAdmin })).json();
  expect(data).toEqual([]);
});
