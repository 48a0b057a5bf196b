// Twelve ways things go wrong, each done to a real agent on real files, and what the doctor says of it. Where a fix can be run here, it is, and must mend it.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import { runProgram } from './support/cli.ts';
import { createDoctorWorld, type DoctorWorld, errorsOf, finding, snapshotOf } from './support/doctor-world.ts';
import { startFakeGemini } from './support/fake-gemini/fake-gemini.ts';
import { readRunState, repository, startServer, temporaryFolder } from './support/server-process.ts';
import { until } from './support/until.ts';

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

function open(env: Record<string, string> = {}, folder?: string): DoctorWorld {
  const world = createDoctorWorld(env, folder);
  opened.push(world);
  return world;
}

/** An agent that has answered once, running or stopped. */
async function used(
  env: Record<string, string> = {},
  { running = false, folder }: { running?: boolean; folder?: string } = {},
): Promise<DoctorWorld> {
  const world = open(env, folder);
  await world.expect(0, ['start']);
  await world.expect(0, ['chat', 'Hello!']);
  if (!running) await world.expect(0, ['stop']);
  return world;
}

const databaseOf = (world: DoctorWorld) => join(world.home, 'data', 'agent_state.db');

/** Behind the back of the store, as a damaged disk or an attacker would. */
function tamper(world: DoctorWorld, sql: string): void {
  const database = new DatabaseSync(databaseOf(world));
  database.exec(sql);
  database.close();
}

const killed = async (world: DoctorWorld) => {
  const pid = readRunState(world.home)?.pid ?? 0;
  process.kill(pid, 'SIGKILL');
  await until(async () => (await world.run(['status'])).code === 3, { what: () => 'the agent to be gone' });
  return pid;
};

const key = (fill: number) => Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 37 + fill) % 256)).toString('base64');

/** Room of its own when this process may mount; else the test says loudly that it did not run. */
function mount(...args: string[]): boolean {
  const mounted = spawnSync('mount', args, { stdio: 'ignore' }).status === 0;
  if (mounted) opened.push({ close: async () => spawnSync('umount', ['-l', args.at(-1) ?? '']) });
  else process.stderr.write('NOT RUN: this test needs the right to mount\n');
  return mounted;
}

describe('a healthy home', () => {
  test('is found so before the first start, running, stopped and after a kill, and not a byte of it is touched', async () => {
    const world = open();
    expect(errorsOf(await world.doctor(0))).toEqual([]);
    await world.expect(0, ['start']);
    await world.expect(0, ['chat', 'Hello!']);
    const running = await world.doctor(0);
    expect(running.ok).toBe(true);
    expect(running.findings.filter(({ severity }) => severity === 'warning')).toEqual([]);
    for (const id of ['agent', 'database', 'audit', 'records', 'master_key', 'storage', 'models', 'memory', 'event_loop', 'turns'] as const)
      expect(finding(running.findings, id).severity, id).toMatch(/ok|info/);
    await killed(world);
    // What a killed process left in the log is looked at in a copy.
    expect(statSync(`${databaseOf(world)}-wal`).size).toBeGreaterThan(0);
    const crashed = snapshotOf(world.home);
    const afterKill = await world.doctor(0);
    expect(finding(afterKill.findings, 'wal').cause).toContain('The next start takes in what is whole');
    expect(finding(afterKill.findings, 'records').cause).toMatch(/2 messages and 1 turn of the only session open/);
    expect(snapshotOf(world.home)).toEqual(crashed);
    await world.expect(0, ['start']);
    await world.expect(0, ['stop']);
    const stopped = snapshotOf(world.home);
    expect(errorsOf(await world.doctor(0))).toEqual([]);
    expect(snapshotOf(world.home)).toEqual(stopped);
  });

  test('of a running agent is looked at beside it: its data stay as they are', async () => {
    const world = await used({}, { running: true });
    // The agent itself writes its log, and what it says of itself in `run`; the index of the log is shared memory of everybody who reads.
    // The agent itself notes in its audit that it was asked for a closer look: that goes into its log.
    const notOurs = /^(logs|run)(\/|$)|-(shm|wal)$/;
    const before = snapshotOf(world.home, notOurs);
    await world.doctor(0);
    expect(snapshotOf(world.home, notOurs)).toEqual(before);
  });
});

describe('models', () => {
  async function withFake() {
    const fake = await startFakeGemini();
    opened.push({ close: () => fake.stop() });
    const world = open({
      GEMINI_API_KEY: 'injected-key-93fd',
      GOOGLE_GEMINI_BASE_URL: fake.url,
      HOLDFAST_MODELS: 'gemini/fake',
      HOLDFAST_FIRST_BYTE_MS: '700',
    });
    await world.expect(0, ['start']);
    return { fake, world };
  }

  test('1: a bad key is named, with where to mend it; one labelled call to each model is all it takes', async () => {
    const { fake, world } = await withFake();
    expect(finding(await world.deep(), 'models')).toMatchObject({ severity: 'ok', subject: 'gemini/fake', fix: null });
    fake.setBehaviour({ fault: 'bad-key' });
    const before = fake.calls();
    const bad = finding(await world.deep(), 'models');
    expect(fake.calls()).toBe(before + 1);
    expect(JSON.stringify(fake.requests.at(-1))).toContain('availability probe');
    expect(bad).toMatchObject({ severity: 'error', cause: expect.stringContaining('refuses its key') });
    expect(bad.fix).toMatch(/config show --sources .*GEMINI_API_KEY .*aistudio.*restart/);
    expect(errorsOf(await world.doctor(1))).toEqual(['models']);
    const shown = await world.expect(0, ['status', '--deep']);
    expect(shown.stdout).toMatch(/error {2}.*models gemini\/fake .*refuses its key/);
    expect(shown.stdout + JSON.stringify(bad)).not.toContain('injected-key');
    fake.setBehaviour({});
    expect(finding(await world.deep(), 'models').severity).toBe('ok');
  });

  test.each(['503', 'silent', '404'] as const)('2: a model that is down (%s) is named', async (fault) => {
    const { fake, world } = await withFake();
    fake.setBehaviour({ fault });
    const down = finding(await world.deep(), 'models');
    expect(down.severity).toBe('error');
    expect(down.cause).toMatch(fault === '404' ? /not known to its provider/ : /does not answer/);
    expect(down.fix).toMatch(fault === '404' ? /correct HOLDFAST_MODELS/ : /logs --level warn/);
    expect((await world.run(['status', '--deep', '--check'])).code).toBe(1);
  });
});

describe('the machine', () => {
  test('3: a disk with little room is named, as warning and as error', async (context) => {
    const low = await used({ HOLDFAST_ALERT_DISK_FREE_MB: '900000000' });
    expect(finding((await low.doctor(0)).findings, 'disk')).toMatchObject({ severity: 'warning' });
    const folder = temporaryFolder('small');
    if (!mount('-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', folder)) return context.skip();
    const inside = join(folder, 'work');
    mkdirSync(inside);
    const world = await used({}, { running: true, folder: inside });
    for (const found of [finding(await world.deep(), 'disk'), finding((await world.doctor(1)).findings, 'disk')]) {
      expect(found).toMatchObject({ severity: 'error', cause: expect.stringMatching(/nearly full: \d+ MiB of 48 MiB/) });
      expect(found.fix).toContain(`df -h '${world.home}'`);
    }
  });

  test('4: a taken port is named, with who has it and how to go on', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    opened.push({ close: async () => taken.close() });
    await until(() => taken.listening);
    const { port } = taken.address() as { port: number };
    const report = await open({ PORT: String(port) }).doctor(1);
    expect(errorsOf(report)).toEqual(['ports']);
    expect(finding(report.findings, 'ports')).toMatchObject({
      subject: `PORT ${port}`,
      cause: expect.stringContaining('by another program'),
    });
    expect(finding(report.findings, 'ports').fix).toMatch(new RegExp(`^(npx )?holdfast start --port \\d+ .*lsof -nP -iTCP:${port} `));

    const other = await startServer();
    opened.push({ close: () => other.stop() });
    const world = open({ PORT: String(other.port) });
    expect(finding((await world.doctor(1)).findings, 'ports').cause).toContain('another Holdfast agent');
  });

  test('7: a clock that is behind is named, running or not', async (context) => {
    if (spawnSync('faketime', ['--version']).status !== 0) {
      process.stderr.write('NOT RUN: setting a clock back needs faketime\n');
      return context.skip();
    }
    const world = await used();
    const back = await runProgram(['faketime', '-f', '-3d', process.execPath, join(repository, 'bin', 'holdfast.js'), 'doctor', '--json'], {
      cwd: world.folder,
      env: { HOLDFAST_HOME: world.home, PORT: '0', DASHBOARD_PORT: '0' },
    });
    expect(back.code, back.stderr).toBe(1);
    const { findings } = JSON.parse(back.stdout);
    expect(finding(findings, 'clock')).toMatchObject({
      severity: 'error',
      cause: expect.stringMatching(/The clock is off: .* 3 days|72 hours before/),
    });
    expect(finding(findings, 'clock').fix).toMatch(/^date -u /);
    // Without the wrapper, whose own pid is in the way.
    const preload = spawnSync('faketime', ['-f', '-3d', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' }).stdout.trim();
    const server = await startServer({ folder: world.folder, env: { LD_PRELOAD: preload, FAKETIME: '-3d' } });
    opened.push({ close: () => server.stop() });
    await server.call('POST', '/v1/chat', { message: 'What time is it?' });
    const asked = await server.call<{ findings: never[] }>('GET', '/v1/status?deep=true');
    expect(finding(asked.body.findings, 'clock')).toMatchObject({ severity: 'error' });
  });

  test('8: a log that cannot be written is named, and the fix mends it', async () => {
    const world = await used();
    renameSync(join(world.home, 'logs'), join(world.home, 'logs-before'));
    writeFileSync(join(world.home, 'logs'), 'not a folder');
    const report = await world.doctor(1);
    expect(errorsOf(report)).toEqual(['log_folder']);
    expect((await world.apply(finding(report.findings, 'log_folder'))).code).toBe(0);
    const running = await world.doctor(0);
    expect(finding(running.findings, 'agent').severity).toBe('ok');
  });

  test('8: with a running agent lost lines are counted, and a folder in the place of the file is named', async () => {
    const world = await used();
    const log = join(world.home, 'logs', 'agent.log');
    rmSync(log);
    mkdirSync(log);
    await world.expect(0, ['start']);
    const found = finding(await world.deep(), 'log_folder');
    expect(found).toMatchObject({ severity: 'error', cause: expect.stringContaining('is not a file') });
    expect((await world.apply(found)).code).toBe(0);
    await until(async () => finding(await world.deep(), 'log_folder').severity === 'ok', { what: () => 'the log to be written again' });
    expect(readFileSync(log, 'utf8')).toContain('"event"');
  });

  test('8: a log on a read-only file system is named', async (context) => {
    const world = await used();
    const logs = join(world.home, 'logs');
    if (!mount('--bind', logs, logs) || spawnSync('mount', ['-o', 'remount,ro,bind', logs]).status !== 0) return context.skip();
    const report = await world.doctor(1);
    expect(finding(report.findings, 'log_folder')).toMatchObject({
      severity: 'error',
      cause: expect.stringContaining('read-only file system'),
    });
    expect(finding(report.findings, 'log_folder').fix).toMatch(/^findmnt -T /);
  });

  test('10: a stale pid is named, is no error, and a pid of somebody else is left alone', async () => {
    const world = await used({}, { running: true });
    await killed(world);
    const stale = finding((await world.doctor(0)).findings, 'agent');
    expect(stale).toMatchObject({ severity: 'warning', cause: expect.stringMatching(/stale: process \d+ is gone/) });
    const file = join(world.home, 'run', 'agent.json');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), pid: process.pid }));
    expect(finding((await world.doctor(0)).findings, 'agent').cause).toContain('is now another program, which is left alone');
    expect((await world.apply(stale)).code).toBe(0);
    expect(finding((await world.doctor(0)).findings, 'agent').severity).toBe('ok');
  });

  test('12: high memory is named before the agent refuses work', async () => {
    const world = open({ NODE_OPTIONS: '--max-old-space-size=96 --max-semi-space-size=1' });
    // Somebody's own code that keeps 60 MiB.
    const hoard = 'globalThis.hoard = Array.from({ length: 60 }, () => new Array(131_072).fill(0.5));';
    writeFileSync(join(world.folder, 'holdfast.config.ts'), `${hoard}\nexport default { name: 'hoarder' };\n`);
    await world.expect(0, ['start']);
    const high = finding(await world.deep(), 'memory');
    expect(high.severity).toMatch(/warning|error/);
    expect(high.cause).toMatch(/Memory is high: \d+ of \d+ MiB of the heap are used \(\d+ %\)/);
    expect(high.fix).toMatch(/^npx holdfast restart|^holdfast restart/);
  });
});

describe('the data', () => {
  test('5: a wrong master key is named, and where the right one lies if it does', async () => {
    const world = await used({ HOLDFAST_MASTER_KEY: key(1) });
    const before = snapshotOf(world.home);
    const wrong = await world.doctor(1, { env: { HOLDFAST_MASTER_KEY: key(2) } });
    expect(errorsOf(wrong)).toEqual(['master_key']);
    expect(finding(wrong.findings, 'master_key').cause).toMatch(/does not open this data.*comes from HOLDFAST_MASTER_KEY/);
    expect(JSON.stringify(wrong)).not.toContain(key(2));
    expect(finding((await world.doctor(1, { env: { HOLDFAST_MASTER_KEY: '' } })).findings, 'master_key').cause).toContain('no master key');
    expect(snapshotOf(world.home)).toEqual(before);
    const refused = await world.run(['start'], { env: { HOLDFAST_MASTER_KEY: key(2) } });
    expect([refused.code, refused.stderr]).toEqual([78, expect.stringContaining('The master key does not open this data')]);
    expect(snapshotOf(join(world.home, 'data'))).toEqual(
      before.filter((line) => line.startsWith('data/')).map((line) => line.slice('data/'.length)),
    );

    const own = await used();
    const other = await own.doctor(1, { env: { HOLDFAST_MASTER_KEY: key(2) } });
    const found = finding(other.findings, 'master_key');
    expect(found.cause).toMatch(/HOLDFAST_MASTER_KEY does not open the data, but .*master\.key does/);
    expect((await own.apply(found)).code).toBe(0);
  });

  test('6: a damaged record is named by its session, everything else is said to be well, and the agent sees it too', async () => {
    const world = await used({}, { running: true });
    const spared = await world.expect(0, ['chat', '--new', 'Another session']);
    expect(spared.stdout).not.toBe('');
    const sessions = JSON.parse((await world.expect(0, ['sessions', 'list', '--json'])).stdout) as { data: { id: string }[] };
    const [whole, hit] = sessions.data.map(({ id }) => id);
    tamper(
      world,
      `UPDATE messages SET content_sealed = zeroblob(60) WHERE session_id = '${hit}' AND seq = (SELECT MIN(seq) FROM messages WHERE session_id = '${hit}')`,
    );
    for (const found of [finding(await world.deep(), 'records'), finding((await world.doctor(1)).findings, 'records')]) {
      expect(found).toMatchObject({
        severity: 'error',
        cause: expect.stringMatching(new RegExp(`^1 record does not open, among 4 messages .*${hit}`)),
      });
      expect(found.cause).not.toContain(whole);
      expect(found.fix).toContain(`sessions show ${hit} `);
    }
    await world.expect(0, ['stop']);
    const report = await world.doctor(1);
    expect(errorsOf(report)).toEqual(['records']);
  });

  test('6: damaged pages are named, by the doctor and by a start, which leaves no file behind', async () => {
    const world = await used();
    const bytes = readFileSync(databaseOf(world));
    bytes.fill(0xab, 4096, bytes.length - 4096);
    writeFileSync(databaseOf(world), bytes);
    const before = snapshotOf(join(world.home, 'data'));
    const report = await world.doctor(1);
    expect(errorsOf(report)).toEqual(['database']);
    expect(finding(report.findings, 'database').cause).toContain('pages of it are not what they should be');
    expect(snapshotOf(join(world.home, 'data'))).toEqual(before);
    const refused = await world.run(['start']);
    expect(refused.code).toBe(78);
    expect(refused.stderr).toMatch(
      /The database file is damaged.*Nothing was written\.\nFix: cp -a '.*data' '.*data-damaged' {3}# .*backup/,
    );
    expect(snapshotOf(join(world.home, 'data'))).toEqual(before);
  });

  test('9: data of another version is named', async () => {
    const world = await used();
    tamper(world, 'PRAGMA user_version = 99');
    const report = await world.doctor(1);
    expect(errorsOf(report)).toEqual(['schema']);
    expect(finding(report.findings, 'schema').cause).toMatch(/newer Holdfast \(schema 99; this one knows \d+\)/);
    writeFileSync(databaseOf(world), 'This is a letter, not a database. '.repeat(200));
    expect(finding((await world.doctor(1)).findings, 'database').cause).toContain('is not a Holdfast database');
  });

  test('11: a changed audit row is named, with and without a running agent', async () => {
    const world = await used({}, { running: true });
    tamper(world, `UPDATE audit SET principal = 'somebody else' WHERE seq = 2`);
    for (const found of [finding(await world.deep(), 'audit'), finding((await world.doctor(1)).findings, 'audit')]) {
      expect(found).toMatchObject({ severity: 'error', cause: expect.stringMatching(/not whole: 1 finding\. Row 2: /) });
      expect(found.fix).toMatch(/holdfast audit verify /);
    }
    await world.expect(0, ['stop']);
    expect(errorsOf(await world.doctor(1))).toEqual(['audit']);
  });

  test('a home and a .env that others can read are named, and the fixes close them', async () => {
    const world = await used();
    writeFileSync(join(world.folder, '.env'), 'LOG_LEVEL=info\n', { mode: 0o644 });
    chmodSync(join(world.folder, '.env'), 0o644);
    chmodSync(world.home, 0o755);
    chmodSync(join(world.home, 'keys'), 0o755);
    const report = await world.doctor(0);
    for (const id of ['home', 'env_file'] as const) {
      expect(finding(report.findings, id).severity).toBe('warning');
      expect((await world.apply(finding(report.findings, id))).code).toBe(0);
    }
    const mended = await world.doctor(0);
    for (const id of ['home', 'env_file'] as const) expect(finding(mended.findings, id).severity).toBe('ok');
  });
});

describe('settings that do not hold', () => {
  test('are named as one finding among the others', async () => {
    const report = await open({ PORT: '99999999', HOLDFAST_MODLES: 'x' }).doctor(1);
    expect(errorsOf(report)).toEqual(['settings']);
    expect(finding(report.findings, 'settings').cause).toMatch(/2 things are wrong.*HOLDFAST_MODLES.*PORT/);
    expect(finding(report.findings, 'database').severity).toBe('ok');
  });
});
