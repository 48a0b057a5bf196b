// The load test as a person runs it: a process of its own against real agents.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { runProgram } from '../test/support/cli.ts';
import { repository, type ServerProcess, startServer, temporaryFolder } from '../test/support/server-process.ts';
import { until } from '../test/support/until.ts';
import { LoadError, readOptions } from './options.ts';
import type { Result } from './result.ts';

const servers: ServerProcess[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    await server.stop();
    server.remove();
  }
});

const load = (args: string[], env: Record<string, string> = {}) =>
  runProgram([process.execPath, join(repository, 'load/run.ts'), ...args], { cwd: repository, env, timeoutMs: 60_000 });

async function measured(args: string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await load(['--json', '--no-report', '--connections', '4', ...args], env);
  return { code, stderr, result: JSON.parse(stdout) as Result };
}

async function agent(options: Parameters<typeof startServer>[0] = {}) {
  const server = await startServer(options);
  servers.push(server);
  return { server, env: { HOLDFAST_URL: server.url, HOLDFAST_API_KEY: server.token } };
}

describe('the load test', () => {
  test('starts an agent of its own, streams, and says what it found in figures, in words and in a page that needs nobody', async () => {
    const report = join(temporaryFolder(), 'report.html');
    const { code, stdout, stderr } = await load(['--scenario', 'mixed', '--duration', '2s', '--connections', '4', '--report', report]);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/Testing Holdfast .*\n +\d+\/2 s[\s\S]*Report: /)]);
    expect(stdout).toMatch(/Answered +\d+ \([\d.]+\/s\), 0 of them degraded\nLatency +p50 .*\nFirst token +p50 /);
    expect(stdout).toContain('lost 0, doubled 0, different 0');
    expect(stderr).not.toContain('\u001b');
    const page = readFileSync(report, 'utf8');
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/(?:src|href)="(?!data:,)|@import|url\(|https?:\/\//);
    const result = JSON.parse(/<script type="application\/json" id="result">(.*)<\/script>/.exec(page)?.[1] ?? '') as Result;
    expect(result).toMatchObject({ passed: true, errors: { total: 0 }, degraded: 0 });
    expect(result.firstTokenMs?.p50).toBeLessThanOrEqual(result.latencyMs?.max ?? 0);
    expect(result.server.rssBytesMax).toBeGreaterThan(10_000_000);
    expect(page.match(/<svg/g)?.length).toBeGreaterThanOrEqual(5);
  });

  test('measures a rate from when messages are due: an agent that is too slow is seen to be', async () => {
    const { code, result } = await measured([
      '--rate',
      '200',
      '--duration',
      '2s',
      '--model',
      'fake',
      '--model-latency',
      '100ms',
      '--max-p99',
      '500ms',
    ]);
    // Four connections at 100 ms each are 40 a second.
    expect(code).toBe(1);
    expect(result.neverSent).toBeGreaterThan(200);
    expect(result.latencyMs?.max).toBeGreaterThan(1_000);
    expect(result.limits).toEqual([{ name: 'p99', wanted: 'at most 500 ms', found: expect.stringContaining('ms'), holds: false }]);
    expect(result.verification.holds).toBe(true);
  });

  test('goes on over the death of an agent, tells the errors by their codes, and finds nothing lost', async () => {
    const port = await freePort();
    const start = { env: { PORT: String(port), HOLDFAST_ADMIN_KEY: 'a-key-for-tests-that-outlives-a-restart' } };
    const { server, env } = await agent(start);
    const running = measured(['--scenario', 'mixed', '--duration', '4s', '--max-errors', '0'], { ...env, HOLDFAST_API_KEY: server.token });
    await until(async () => (await server.call<{ requests: { accepted: number } }>('GET', '/v1/status')).body.requests.accepted > 50);
    await server.kill9();
    await agent({ ...start, folder: server.folder });
    const { code, result } = await running;
    expect(code).toBe(1);
    expect(result.errors.total).toBeGreaterThan(0);
    expect(Object.keys(result.errors.byCode).join()).toMatch(/ECONN|closed|socket/i);
    expect(result.verification).toMatchObject({ lost: 0, doubled: 0, different: 0, unknown: 0, holds: true });
    expect(result.verification.askedAgain).toBeGreaterThan(0);
    expect(result.limits[0]).toMatchObject({ name: 'errors', holds: false });
  });

  test('erases its sessions from an agent that was there before, unless it is to keep them', async () => {
    const { server, env } = await agent();
    const titles = async () =>
      (await server.call<{ data: { title: string }[] }>('GET', '/v1/sessions')).body.data.filter(({ title }) => title === 'Load test');
    await measured(['--duration', '1s', '--scenario', 'ramp'], env);
    expect(await titles()).toEqual([]);
    await measured(['--duration', '1s', '--keep'], env);
    expect(await titles()).toHaveLength(4);
  });

  test('does not spend money unasked, and says what is wrong before anything is sent', async () => {
    const { env } = await agent({ env: { HOLDFAST_MODELS: 'gemini/some', GEMINI_API_KEY: 'key-of-no-account-at-all' } });
    const real = await load(['--no-report'], env);
    expect([real.code, real.stderr]).toEqual([2, expect.stringMatching(/asks gemini\/some: .*cost money[\s\S]*Fix: .*--yes/)]);
    expect((await load(['--no-report'], { ...env, HOLDFAST_API_KEY: 'wrong' })).code).toBe(4);
    expect((await load(['--no-report'], { ...env, HOLDFAST_URL: `http://127.0.0.1:${await freePort()}` })).code).toBe(3);
  });
});

describe('options', () => {
  test('are read with their units', () => {
    const options = readOptions(['--duration', '1.5m', '--max-p99', '500', '--max-errors', '0', '--scenario', 'stream'], {});
    expect(options).toMatchObject({ durationS: 90, scenario: 'stream', limits: { maxP99Ms: 500, maxErrors: 0 } });
    expect(readOptions(['--help'], {})).toBeUndefined();
  });

  test.each([
    [['--duraton', '5s'], 'Did you mean --duration?'],
    [['--duration', 'soon'], '--duration must be a time'],
    [['--scenario', 'jsn'], '--scenario is one of'],
    [['--connections', '0'], '--connections must be a number'],
    [['--rate', '5', '--scenario', 'ramp'], 'exclude each other'],
  ])('%j are refused: %s', (argv, said) => {
    expect(() => readOptions(argv, {})).toThrow(LoadError);
    expect(() => readOptions(argv, {})).toThrow(said);
  });

  test('an address without a key is refused', () => {
    expect(() => readOptions([], { HOLDFAST_URL: 'http://127.0.0.1:8000' })).toThrow('without a key');
  });
});

/** Free a moment ago. The restarted agent must come back where it was. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
