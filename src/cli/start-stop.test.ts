import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { type CliTest, createCliTest } from '../../test/support/cli-context.ts';
import { processEnv } from '../base/config.ts';
import { type AgentFile, homePaths, readAgentFile, writeAgentFile } from '../base/home.ts';
import { isSameProcess, processStart, signalIfSame } from '../base/process.ts';

const program = fileURLToPath(new URL('../../test/support/fake-main.ts', import.meta.url));
const tests: CliTest[] = [];
const PATH = processEnv().PATH;

function folder(mode: string, cwd?: string) {
  const test = createCliTest({ env: { FAKE_MAIN: mode, PATH }, program, ...(cwd === undefined ? {} : { cwd }) });
  tests.push(test);
  const agent = () => readAgentFile(homePaths(join(test.cwd, '.holdfast')));
  return { ...test, agent };
}

const isAlive = (agent: AgentFile | undefined) => agent !== undefined && isSameProcess(agent.pid, agent.processStart);

afterEach(() => {
  for (const { cwd } of tests.splice(0)) {
    const agent = readAgentFile(homePaths(join(cwd, '.holdfast')));
    if (agent) signalIfSame(agent.pid, agent.processStart, 'SIGKILL');
  }
});

describe('start and stop', () => {
  it('bring a background server up and down again, and say so', async () => {
    const { run, agent } = folder('good');
    const started = await run('start', '--port', '0', '--host', 'localhost');
    expect(started.exit).toBe(0);
    expect(started.out).toMatch(
      /^✅ Agent started successfully\nAgent ID: {3}agt_x\nSession ID: ses_x {2}\(restored, 14 messages\)\nAPI: {8}http:\/\/127\.0\.0\.1:\d+ {3}docs /,
    );
    expect(started.out).toContain('Model:      demo — no model key found; replies are canned');
    expect(started.err).toBe('');
    expect(agent()?.version).toBe('--host localhost --port 0');
    expect(isAlive(agent())).toBe(true);
    const running = agent();
    const stopped = await run('stop');
    expect(stopped).toEqual({ exit: 0, out: '✅ Agent stopped (drained 2 turns in 0.8 s). Session ses_x saved.\n', err: '' });
    expect(isAlive(running)).toBe(false);
    expect(await run('stop')).toEqual({ exit: 0, out: 'Agent is not running.\n', err: '' });
  });

  it('a second start changes nothing and says the same', async () => {
    const { run, agent } = folder('good');
    await run('start');
    const first = agent();
    const again = await run('start', '--json');
    expect(again.exit).toBe(0);
    expect(JSON.parse(again.out)).toMatchObject({
      alreadyRunning: true,
      pid: first?.pid,
      sessionId: 'ses_x',
      restored: true,
      models: ['demo'],
    });
    expect(agent()).toEqual(first);
  });

  it('a start with another port says that the running agent keeps its own, and how to change it', async () => {
    const { run } = folder('good');
    await run('start');
    const again = await run('start', '--port', '1');
    expect([again.exit, again.err]).toEqual([
      0,
      expect.stringMatching(/^Note: --port had no effect.*\nFix: .*holdfast restart --port 1\n$/),
    ]);
    expect(await run('start', '--port', 'abc')).toMatchObject({
      exit: 2,
      err: expect.stringMatching(/\nFix: .*holdfast start --port 8000/),
    });
    expect((await run('start', '--prot', '8010')).err).toMatch(/Fix: .*start --port 8010\n/);
  });

  it('of many starts at once one starts a server and all succeed', async () => {
    const { cwd, agent } = folder('good');
    const results = await Promise.all(Array.from({ length: 6 }, () => folder('good', cwd).run('start', '--json')));
    expect(results.map(({ exit }) => exit)).toEqual([0, 0, 0, 0, 0, 0]);
    const answers = results.map(({ out }) => JSON.parse(out) as { pid: number; alreadyRunning: boolean });
    expect(new Set(answers.map(({ pid }) => pid))).toEqual(new Set([agent()?.pid]));
    expect(answers.filter(({ alreadyRunning }) => !alreadyRunning)).toHaveLength(1);
  });

  it('a start during a drain waits for its end and starts anew', async () => {
    const { run, agent } = folder('slow-drain');
    await run('start');
    const first = agent();
    const stopping = run('stop');
    await expect.poll(async () => (await fetch(`http://127.0.0.1:${first?.port}/readyz`)).status).toBe(503);
    expect((await run('start')).exit).toBe(0);
    expect((await stopping).exit).toBe(0);
    expect(agent()?.pid).not.toBe(first?.pid);
    expect(isAlive(agent())).toBe(true);
  });

  it('a start that fails says why in the words of the server and exits with its code', async () => {
    const refused = await folder('refuse').run('start');
    expect(refused).toEqual({ exit: 78, out: '', err: 'holdfast: the port 1 is taken.\nFix: npx holdfast start --port 2\n' });
    const crashed = await folder('crash').run('start');
    expect(crashed.exit).toBe(1);
    expect(crashed.err).toContain('Error: a bug');
    expect(crashed.err).not.toMatch(/^\s+at /m);
  });

  it('a start that is not ready in time leaves nothing behind and exits 5', async () => {
    const { run, agent } = folder('never-ready');
    const { exit, err } = await run('start', '--wait-timeout', '1500ms');
    expect(exit).toBe(5);
    expect(err).toContain('not ready within 1.5 s');
    expect(isAlive(agent())).toBe(false);
  });

  it('a start that is interrupted leaves nothing behind and exits 130', async () => {
    const { run, agent, interrupt } = folder('never-ready');
    const running = run('start');
    await expect.poll(() => isAlive(agent())).toBe(true);
    interrupt();
    expect((await running).exit).toBe(130);
    expect(isAlive(agent())).toBe(false);
  });

  it('a stop that takes too long exits 5, and kills only with --force', async () => {
    const { run, agent } = folder('deaf');
    await run('start');
    const first = agent();
    const slow = await run('stop', '--timeout', '200ms');
    expect([slow.exit, isAlive(first)]).toEqual([5, true]);
    expect(slow.err).toContain('Fix: npx holdfast stop --force');
    const forced = await run('stop', '--timeout', '100ms', '--force', '--json');
    expect([forced.exit, isAlive(first)]).toEqual([0, false]);
    expect(JSON.parse(forced.out)).toMatchObject({ stopped: true, forced: true, drained: null });
  });

  it('settings that are wrong stop a start before anything runs, and a restart before anything is stopped', async () => {
    const { run, agent, cwd } = folder('good');
    await run('start');
    writeFileSync(join(cwd, '.env'), 'PORT=x\n');
    for (const verb of ['start', 'restart']) expect((await run(verb)).exit).toBe(78);
    expect(isAlive(agent())).toBe(true);
    expect((await run('stop')).exit).toBe(0);
  });

  it('a stale pid file whose pid belongs to somebody else harms nobody', async () => {
    const { run, cwd, agent } = folder('good');
    const paths = homePaths(join(cwd, '.holdfast'));
    mkdirSync(paths.run, { recursive: true });
    const stale: AgentFile = {
      pid: process.pid,
      processStart: `${processStart(process.pid)}9`,
      host: '127.0.0.1',
      port: 1,
      dashboardPort: 0,
      agentId: 'agt_old',
      version: '0',
      startedAt: '2026-01-01T00:00:00.000Z',
    };
    writeAgentFile(paths, stale);
    expect((await run('stop', '--force')).out).toBe('Agent is not running.\n');
    expect((await run('status')).exit).toBe(3);
    expect((await run('start')).exit).toBe(0);
    expect(agent()?.pid).not.toBe(process.pid);
    expect((await run('restart')).out).toMatch(/^✅ Agent started successfully/);
  });
});

describe('status', () => {
  it('of nothing is exit 3, and one document with --json', async () => {
    const { run } = folder('good');
    expect(await run('status')).toEqual({ exit: 3, out: 'Agent is not running.\n', err: 'Fix: npx holdfast start\n' });
    expect((await run('status', '--json')).out).toBe('{"running":false}\n');
    expect((await run('status', '--json', '--watch')).exit).toBe(2);
  });
});
