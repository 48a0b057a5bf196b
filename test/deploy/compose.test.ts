// The compose files as docker-compose reads them, the secrets they want, and the proxy they put in front, really run.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TurnAnswer } from '../../src/contract/turn.ts';
import { runProgram } from '../support/cli.ts';
import { type FakeGemini, startFakeGemini } from '../support/fake-gemini/fake-gemini.ts';
import { repository, type ServerProcess, startServer, temporaryFolder } from '../support/server-process.ts';
import { until } from '../support/until.ts';
import { run, whyNot } from './workshop.ts';

const noCompose = whyNot({ packages: { 'docker-compose': 'docker-compose' } });
const noCaddy = whyNot({ packages: { caddy: 'caddy' } });
const title = (name: string, reason: string | undefined) => `${name}${reason === undefined ? '' : ` (SKIPPED: ${reason})`}`;

describe.skipIf(noCompose !== undefined)(title('docker-compose', noCompose), () => {
  const config = (file: string, env: Record<string, string> = {}) =>
    run('docker-compose', ['-f', file, 'config'], { cwd: repository, env: { PATH: process.env.PATH, ...env } });

  test('accepts the file for development, which publishes on loopback only', async () => {
    const said = await config('docker-compose.yml');
    expect(said).toMatch(/127\.0\.0\.1:8000:8000/);
    expect(said).not.toMatch(/^\s+- (0\.0\.0\.0:)?\d+:\d+/m);
  });

  test('accepts the file for production, with and without a domain', async () => {
    expect(await config('docker-compose.prod.yml')).toContain('https://localhost');
    expect(await config('docker-compose.prod.yml', { DOMAIN: 'agent.example.com' })).toContain('https://agent.example.com');
  });
});

describe('make-secrets.sh', () => {
  const folder = temporaryFolder('secrets');
  const make = (env: Record<string, string>) => runProgram([join(folder, 'deploy/make-secrets.sh')], { cwd: folder, env });

  test('makes what the server accepts, keeps what is there, and says what it lacks', async () => {
    mkdirSync(join(folder, 'deploy'));
    cpSync(join(repository, 'deploy/make-secrets.sh'), join(folder, 'deploy/make-secrets.sh'));
    expect(await make({})).toMatchObject({ code: 78, stderr: expect.stringMatching(/Fix: export GEMINI_API_KEY/) });
    expect(await make({ GEMINI_API_KEY: 'the-key-of-somebody' })).toMatchObject({ code: 0 });
    const secrets = join(folder, 'secrets');
    expect(statSync(secrets).mode & 0o777).toBe(0o700);
    const masterKey = readFileSync(join(secrets, 'holdfast_master_key'), 'utf8');
    expect(await make({})).toMatchObject({ code: 0, stdout: expect.stringContaining('kept') });
    expect(readFileSync(join(secrets, 'holdfast_master_key'), 'utf8')).toBe(masterKey);
    const env = {
      AGENT_ENV: 'production',
      HOST: '0.0.0.0',
      HOLDFAST_MASTER_KEY_FILE: join(secrets, 'holdfast_master_key'),
      HOLDFAST_ADMIN_KEY_FILE: join(secrets, 'holdfast_admin_key'),
      GEMINI_API_KEY_FILE: join(secrets, 'gemini_api_key'),
    };
    const judged = await runProgram([process.execPath, join(repository, 'bin/holdfast.js'), 'config', 'validate'], { cwd: folder, env });
    expect(judged, judged.stderr).toMatchObject({ code: 0 });
    rmSync(folder, { recursive: true });
  });
});

/** A port that was free a moment ago. */
const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });

describe.skipIf(noCaddy !== undefined)(title('behind deploy/Caddyfile', noCaddy), () => {
  const ADMIN_KEY = randomBytes(32).toString('hex');
  const folder = temporaryFolder('caddy');
  const authority = join(folder, 'caddy/pki/authorities/local/root.crt');
  let fake: FakeGemini;
  let server: ServerProcess;
  let caddy: ChildProcess;
  let port: number;
  let env: Record<string, string>;
  let said = '';

  beforeAll(async () => {
    fake = await startFakeGemini();
    const upstream = await freePort();
    port = await freePort();
    const masterKey = join(folder, 'master-key');
    writeFileSync(masterKey, randomBytes(32).toString('base64'));
    chmodSync(masterKey, 0o600);
    env = {
      AGENT_ENV: 'production',
      PORT: String(upstream),
      HOLDFAST_MODELS: 'gemini/fake',
      GEMINI_API_KEY: 'caddy-test-key',
      GOOGLE_GEMINI_BASE_URL: fake.url,
      HOLDFAST_ADMIN_KEY: ADMIN_KEY,
      HOLDFAST_MASTER_KEY_FILE: masterKey,
      HOLDFAST_PUBLIC_URL: `https://localhost:${port}`,
      HOLDFAST_ALLOWED_HOSTS: 'localhost',
      HOLDFAST_TRUST_PROXY: 'true',
    };
    server = await startServer({ env });
    const settings = {
      DOMAIN: 'localhost',
      UPSTREAM: `127.0.0.1:${upstream}`,
      HTTP_PORT: String(await freePort()),
      HTTPS_PORT: String(port),
    };
    caddy = spawn('caddy', ['run', '--config', join(repository, 'deploy/Caddyfile'), '--adapter', 'caddyfile'], {
      env: { PATH: process.env.PATH, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, ...settings },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    caddy.stderr?.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    await until(() => existsSync(authority), { ms: 10_000, what: () => `Caddy's certificate\n${said}` });
    await until(
      () =>
        ask('GET', '/health').then(
          ({ status }) => status === 200,
          () => false,
        ),
      { ms: 10_000, what: () => `Caddy\n${said}` },
    );
  });

  afterAll(async () => {
    const gone = new Promise((resolve) => caddy.once('exit', resolve));
    caddy.kill();
    await gone;
    await server.kill9();
    server.remove();
    await fake.stop();
    rmSync(folder, { recursive: true });
  });

  interface Reply {
    status: number;
    headers: Record<string, string | string[] | undefined>;
    /** What came, and when, in milliseconds after the request. */
    pieces: { text: string; ms: number }[];
    text: string;
  }

  function ask(method: string, path: string, options: { body?: unknown; headers?: Record<string, string> } = {}): Promise<Reply> {
    const began = performance.now();
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', ...options.headers };
      const sent = request({
        host: '127.0.0.1',
        servername: 'localhost',
        port,
        method,
        path,
        ca: readFileSync(authority),
        agent: false,
        headers: { host: `localhost:${port}`, ...headers },
      });
      sent.on('response', (response) => {
        const pieces: Reply['pieces'] = [];
        response.on('data', (chunk: Buffer) => pieces.push({ text: chunk.toString(), ms: performance.now() - began }));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, pieces, text: pieces.map(({ text }) => text).join('') }),
        );
        response.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(options.body === undefined ? undefined : JSON.stringify(options.body));
    });
  }

  test('TLS is Caddy’s, and strangers learn nothing from /health', async () => {
    const answer = await ask('GET', '/health', { headers: { authorization: '' } });
    expect(JSON.parse(answer.text)).toEqual({ status: 'ok', state: 'ready' });
    expect(answer.headers['strict-transport-security']).toMatch(/max-age/);
  });

  test('server-sent events come through one by one', async () => {
    fake.push({ words: 8, chunks: 8, chunkMs: 250 });
    const { pieces, headers } = await ask('POST', '/v1/chat', { body: { message: 'Slowly, please', stream: true } });
    expect(headers['content-type']).toContain('text/event-stream');
    const at = (event: string) => pieces.find(({ text }) => text.includes(`event: ${event}`))?.ms ?? 0;
    expect(at('text.delta')).toBeGreaterThan(0);
    expect(at('turn.end') - at('text.delta')).toBeGreaterThan(1_000);
  });

  test('nobody is somebody else by a forwarded header, and the local token is no key out here', async () => {
    const forged = { 'x-forwarded-for': '203.0.113.7', forwarded: 'for=203.0.113.7', 'x-real-ip': '203.0.113.7' };
    const { status } = await ask('POST', '/v1/sessions', { body: { title: 'forged' }, headers: forged });
    expect(status).toBeLessThan(300);
    const { text: audit } = await ask('GET', '/v1/audit?limit=5');
    expect(audit).toContain('session.create');
    expect(audit).not.toContain('203.0.113.7');
    const localToken = readFileSync(join(server.home, 'run/token'), 'utf8').trim();
    expect((await ask('GET', '/v1/status', { headers: { authorization: `Bearer ${localToken}` } })).status).toBe(401);
    expect((await ask('GET', '/health', { headers: { host: 'evil.example' } })).text, 'not passed on').toBe('');
  });

  test('a restart is waited for, and a message sent again with its key is one turn', async () => {
    expect((await server.stop()).code).toBe(0);
    const waiting = ask('GET', '/livez');
    const body = { message: 'Are you back?' };
    const headers = { 'idempotency-key': 'asked-through-a-restart' };
    const sentAgain = until(
      async () => {
        const reply = await ask('POST', '/v1/chat', { body, headers });
        return reply.status === 200 ? (JSON.parse(reply.text) as TurnAnswer) : undefined;
      },
      { ms: 15_000, everyMs: 100, what: () => `an answer\n${said.slice(-1_500)}` },
    );
    server = await startServer({ folder: server.folder, env });
    expect((await waiting).status).toBe(200);
    const turn = await sentAgain;
    expect(turn).toMatchObject({ status: 'completed', degraded: false });
    expect(JSON.parse((await ask('POST', '/v1/chat', { body, headers })).text)).toMatchObject({ turnId: turn.turnId });
  });
});
