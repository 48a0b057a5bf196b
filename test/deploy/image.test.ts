// The real Dockerfile, built by buildah on a Debian with Node 24, and its container under runc: what the image promises, tried.
import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Status } from '../../src/contract/status.ts';
import type { TurnAnswer } from '../../src/contract/turn.ts';
import { type FakeGemini, startFakeGemini } from '../support/fake-gemini/fake-gemini.ts';
import { call, readRunState, repository } from '../support/server-process.ts';
import { until } from '../support/until.ts';
import { type Container, type ImageConfig, startContainer } from './container.ts';
import { debianWithNode, npmVolumes, run, shell, whyNot } from './workshop.ts';

const IMAGE_BYTES_MAX = 350 * 1024 * 1024;
const GRACE_MS = 30_000;
const CANARY = `canary-${randomBytes(12).toString('hex')}`;
const ADMIN_KEY = randomBytes(32).toString('hex');

const reason = whyNot({
  packages: { debootstrap: 'debootstrap', buildah: 'buildah', runc: 'runc', npm: 'npm', git: 'git' },
  asRoot: true,
});

describe.skipIf(reason !== undefined)(`the image${reason === undefined ? '' : ` (SKIPPED: ${reason})`}`, () => {
  const work = mkdtempSync(join(tmpdir(), 'holdfast-image-'));
  const running: Container[] = [];
  let fake: FakeGemini;
  let root: string;
  let image: ImageConfig;
  const buildah = (...args: string[]) =>
    run('buildah', ['--root', join(work, 'storage'), '--runroot', join(work, 'run'), '--storage-driver', 'vfs', ...args]);

  beforeAll(async () => {
    fake = await startFakeGemini();
    const base = join(work, 'base');
    await debianWithNode(base);
    const scratch = await buildah('from', 'scratch');
    await buildah('add', '--quiet', scratch, base, '/');
    await buildah('config', '--env', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', '--cmd', 'node', scratch);
    await buildah('commit', '--quiet', '--rm', '--format', 'docker', scratch, 'docker.io/library/node:24-slim');
    rmSync(base, { recursive: true });

    const context = join(work, 'context');
    mkdirSync(context);
    await shell(
      `git ls-files -coz --exclude-standard | tar --null --ignore-failed-read -cf - -T - | tar -xf - -C '${context}'`,
      repository,
    );
    for (const secret of ['.env', '.holdfast/keys/master.key', 'secrets/gemini_api_key', 'test/planted.txt']) {
      mkdirSync(join(context, secret, '..'), { recursive: true });
      writeFileSync(join(context, secret), `GEMINI_API_KEY=${CANARY}\n`);
    }
    const build = ['build', '--isolation', 'chroot', '--format', 'docker', '--pull-never', '--layers=false'];
    await buildah(...build, ...(await npmVolumes(work)), '--build-arg', 'REVISION=tested', '--tag', 'holdfast:test', context);
    image = (JSON.parse(await buildah('inspect', '--type', 'image', 'holdfast:test')) as { Docker: { config: ImageConfig } }).Docker.config;
    root = await buildah('mount', await buildah('from', '--pull-never', 'holdfast:test'));
  });

  afterAll(async () => {
    for (const container of running) await container.signal('KILL');
    await Promise.all(running.map(({ ended }) => ended));
    await fake?.stop();
    // Disk is left as it was found, even when the build failed halfway.
    await buildah('rm', '--all').catch(() => '');
    rmSync(work, { recursive: true, force: true });
  });

  function volume(): string {
    const path = mkdtempSync(join(work, 'volume-'));
    chownSync(path, 1000, 1000);
    return path;
  }

  function container(home: string, env: Record<string, string> = {}, files: Record<string, string> = {}): Container {
    const settings = { PORT: '0', DASHBOARD_PORT: '0', HOLDFAST_ADMIN_KEY: ADMIN_KEY, ...env };
    const started = startContainer({ work, root, image, volume: home, env: settings, files });
    running.push(started);
    return started;
  }

  async function ready(from: Container, home: string): Promise<number> {
    await until(async () => (await from.healthcheck()).code === 0, { ms: 15_000, what: () => `health\n${from.stdout()}${from.stderr()}` });
    return readRunState(home)?.port ?? 0;
  }

  const ask = <T>(port: number, method: string, path: string, body?: unknown) =>
    call<T>(`http://127.0.0.1:${port}${path}`, method, body, { authorization: `Bearer ${ADMIN_KEY}` });
  const withModel = () => ({ GEMINI_API_KEY: 'image-test-key', GOOGLE_GEMINI_BASE_URL: fake.url, HOLDFAST_MODELS: 'gemini/fake' });

  test('is small, and holds the package and its production dependencies, no secret, no source, no test, no second Node', async () => {
    const bytes = Number((await shell(`du -sb --apparent-size '${root}'`)).split('\t')[0]);
    console.log(`the image: ${(bytes / 1_048_576).toFixed(0)} MiB unpacked`);
    expect(bytes).toBeLessThan(IMAGE_BYTES_MAX);
    expect(await shell(`grep -rl '${CANARY}' opt agent var/lib/holdfast tmp usr/local/etc 2>/dev/null || true`, root)).toBe('');
    const inside = (await shell('find opt -type f', root)).split('\n');
    expect(inside).toContain('opt/holdfast/node_modules/holdfast/dist/main.js');
    const strange = inside.filter((path) =>
      /^opt\/holdfast\/node_modules\/((typescript|esbuild|vitest|node|@biomejs)\/|holdfast\/(src|test|docs|bench|scripts)\/|holdfast\/.*\.map$)|\.env$/.test(
        path,
      ),
    );
    expect(strange).toEqual([]);
  });

  test('says what it is, runs as a numbered user, and names the server itself as process 1', () => {
    const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { version: string };
    expect(image).toMatchObject({ User: '1000:1000', WorkingDir: '/agent', Entrypoint: ['holdfast'], Cmd: ['start', '--foreground'] });
    expect(image.Labels).toMatchObject({
      'org.opencontainers.image.title': 'Holdfast',
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.revision': 'tested',
      'org.opencontainers.image.licenses': 'Apache-2.0',
    });
  });

  test('refuses to listen on every address without an admin key, and says what to do', async () => {
    const refused = container(volume(), { HOLDFAST_ADMIN_KEY: '' });
    expect((await refused.ended).code).toBe(78);
    expect(refused.stderr()).toMatch(/HOLDFAST_ADMIN_KEY[\s\S]*Fix: /);
  });

  test('answers as nobody special on a read-only root, and its verbs work inside', async () => {
    const home = volume();
    const server = container(home);
    expect((await server.healthcheck()).code, 'before it is up').not.toBe(0);
    const port = await ready(server, home);
    expect((await ask(port, 'GET', '/health')).body).toMatchObject({ status: 'ok', state: 'ready' });
    expect((await ask<TurnAnswer>(port, 'POST', '/v1/chat', { message: 'Hello!' })).body).toMatchObject({
      status: 'completed',
      model: 'demo',
    });
    const { stdout: processOne } = await server.exec(['cat', '/proc/1/cmdline', '/proc/1/status']);
    expect(processOne).toMatch(/dist\/main\.js/);
    expect(processOne).toMatch(/^Uid:\s+1000\s/m);
    expect(processOne).toMatch(/^CapEff:\s+0+$/m);
    expect((await server.exec(['touch', '/opt/x'])).stderr).toMatch(/Read-only/);
    const chat = await server.exec(['holdfast', 'chat', 'Hello from inside']);
    expect(chat).toMatchObject({ code: 0, stdout: expect.stringContaining('Hello from inside') });
    const status = JSON.parse((await server.exec(['holdfast', 'status', '--json'])).stdout) as Status;
    expect(status.pid).toBe(1);
    const health = await server.healthcheck();
    console.log(`health check ${health.ms.toFixed(0)} ms with runc, resident ${(status.memory.rssBytes / 1_048_576).toFixed(0)} MiB`);
    await server.signal('TERM');
    expect((await server.ended).code).toBe(0);
  });

  test('keeps its session over a restart, finishes what is under way on SIGTERM and ends with 0', async () => {
    const home = volume();
    const first = container(home, withModel());
    const port = await ready(first, home);
    const { sessionId } = (await ask<TurnAnswer>(port, 'POST', '/v1/chat', { message: 'My name is Ada.' })).body;
    fake.push({ text: 'Finished in time.', latencyMs: 1_500 });
    const last = ask<TurnAnswer>(port, 'POST', '/v1/chat', { message: 'Before you go', sessionId });
    await until(async () => (await ask<{ data: unknown[] }>(port, 'GET', '/v1/turns?status=running')).body.data.length > 0);
    const began = performance.now();
    await first.signal('TERM');
    await until(async () => (await first.healthcheck()).code === 1, { what: () => 'the health check to see the drain' });
    expect((await last).body).toMatchObject({ reply: 'Finished in time.', degraded: false });
    expect((await first.ended).code).toBe(0);
    expect(performance.now() - began).toBeLessThan(GRACE_MS);

    const second = container(home, withModel());
    const again = await ready(second, home);
    const { reply } = (await ask<TurnAnswer>(again, 'POST', '/v1/chat', { message: 'And now?', sessionId })).body;
    expect(reply).toContain('message 5 of this conversation');
    await second.signal('KILL');
    expect((await second.ended).code).toBe(137);
    const third = container(home, withModel());
    await ready(third, home);
    await third.signal('TERM');
    expect((await third.ended).code).toBe(0);
  });

  test('takes an agent that is mounted, with what it imports, and a stop while that is still loading', async () => {
    const home = volume();
    const file = join(work, 'holdfast.config.ts');
    const agent = (before: string) => `import { defineAgent, defineTool } from 'holdfast';
      import { z } from 'zod';
      ${before}
      const tide = defineTool({ name: 'tide', description: 'd', input: z.object({}), repeatable: true, run: async () => ({ metres: 2.4 }) });
      export default defineAgent({ name: 'lighthouse', tools: [tide] });`;
    writeFileSync(file, agent(''));
    const mounted = container(home, {}, { '/agent/holdfast.config.ts': file });
    const port = await ready(mounted, home);
    expect((await ask<Status>(port, 'GET', '/v1/status')).body.name).toBe('lighthouse');
    await mounted.signal('TERM');
    expect((await mounted.ended).code).toBe(0);

    writeFileSync(file, agent("console.log('loading'); await new Promise((done) => setTimeout(done, 10_000));"));
    const loading = container(volume(), {}, { '/agent/holdfast.config.ts': file });
    await until(() => loading.stdout().includes('loading'), { ms: 10_000, what: () => `loading\n${loading.stderr()}` });
    const began = performance.now();
    await loading.signal('TERM');
    expect((await loading.ended).code).toBe(143);
    expect(performance.now() - began).toBeLessThan(3_000);
  });
});
