// deploy/holdfast.service: judged by systemd's own tools, then started by a real systemd that is process 1 of its own namespaces.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TurnAnswer } from '../../src/contract/turn.ts';
import { type CliResult, runProgram } from '../support/cli.ts';
import { type FakeGemini, startFakeGemini } from '../support/fake-gemini/fake-gemini.ts';
import { call, readRunState, repository } from '../support/server-process.ts';
import { until } from '../support/until.ts';
import { debianWithNode, run, whyNot } from './workshop.ts';

/** systemd's own scale: 10 is naked, below 2 is "OK". */
const EXPOSURE_MAX = 2;
const unit = join(repository, 'deploy/holdfast.service');
const noTools = whyNot({ packages: { 'systemd-analyze': 'systemd' } });
const noRoot = whyNot({
  packages: { debootstrap: 'debootstrap', 'systemd-analyze': 'systemd', npm: 'npm', unshare: 'util-linux', nsenter: 'util-linux' },
  asRoot: true,
});
/** Where this machine keeps the unified hierarchy: the only one, or beside the old ones. */
const cgroups = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) => existsSync(join(path, 'cgroup.procs')));

test.skipIf(noTools !== undefined)('systemd finds nothing wrong with the unit, and little exposed', async () => {
  const judged = await runProgram(['systemd-analyze', 'verify', unit], {});
  expect(`${judged.stdout}${judged.stderr}`.replace(/.*current\/bin\/holdfast is not executable.*\n/, '')).toBe('');
  const { stdout } = await runProgram(['systemd-analyze', 'security', '--offline=true', '--no-pager', unit], {});
  const exposure = Number(/exposure level for holdfast.service: ([\d.]+)/.exec(stdout)?.[1]);
  console.log(`exposure ${exposure}`);
  expect(exposure).toBeLessThan(EXPOSURE_MAX);
});

describe.skipIf(noRoot !== undefined || cgroups === undefined)(
  `under systemd${noRoot === undefined ? '' : ` (SKIPPED: ${noRoot})`}`,
  () => {
    const work = mkdtempSync(join(tmpdir(), 'holdfast-systemd-'));
    const root = join(work, 'root');
    const secrets = join(root, 'etc/holdfast/secrets');
    const cgroup = join(cgroups ?? '', `holdfast-test-${process.pid}`);
    const adminKey = randomBytes(32).toString('hex');
    let fake: FakeGemini;
    let machine: ChildProcess;
    let processOne: number;

    const inside = (...command: string[]): Promise<CliResult> =>
      runProgram(['nsenter', '-t', String(processOne), '-m', '-p', '-i', '-u', '-C', '-r', '-w', '--', ...command], {});
    const systemctl = (...words: string[]) => inside('systemctl', ...words);
    const show = async (name: string) => (await systemctl('show', '--property', name, '--value', 'holdfast')).stdout.trim();
    const journal = async () => (await inside('journalctl', '--no-pager', '--output=cat', '--unit=holdfast')).stdout;
    const home = () => join(`/proc/${processOne}/root`, 'var/lib/private/holdfast');
    const ask = <T>(method: string, path: string, body?: unknown) =>
      call<T>(`http://127.0.0.1:${readRunState(home())?.port}${path}`, method, body, { authorization: `Bearer ${adminKey}` });

    function settings(extra = ''): void {
      const own = `PORT=0\nDASHBOARD_PORT=0\nHOLDFAST_MODELS=gemini/fake\nGOOGLE_GEMINI_BASE_URL=${fake.url}\n`;
      writeFileSync(join(root, 'etc/holdfast/holdfast.env'), own + extra);
    }

    beforeAll(async () => {
      fake = await startFakeGemini();
      await debianWithNode(root, ['systemd', 'systemd-sysv', 'dbus']);
      const packed = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work], { cwd: repository });
      const [tarball] = JSON.parse(packed) as { filename: string }[];
      const prefix = join(root, 'opt/holdfast/current');
      await run('npm', ['install', '--global', '--no-audit', '--no-fund', '--prefix', prefix, join(work, tarball?.filename ?? '')], {
        cwd: work,
      });
      cpSync(unit, join(root, 'etc/systemd/system/holdfast.service'));
      mkdirSync(secrets, { recursive: true });
      const secret = (name: string, text: string) => writeFileSync(join(secrets, name), `${text}\n`, { mode: 0o600 });
      secret('holdfast_master_key', randomBytes(32).toString('base64'));
      secret('holdfast_admin_key', adminKey);
      secret('gemini_api_key', 'systemd-test-key');
      chmodSync(secrets, 0o700);
      settings();
      mkdirSync(cgroup);
      const boot = join(repository, 'test/deploy/boot-systemd.sh');
      const namespaces = ['--mount', '--pid', '--ipc', '--uts', '--cgroup', '--fork', '--kill-child'];
      const script = `echo $$ > ${cgroup}/cgroup.procs && exec unshare ${namespaces.join(' ')} ${boot} ${root}`;
      machine = spawn('sh', ['-c', script], { stdio: 'ignore' });
      processOne = await until(() => firstChild(machine.pid ?? 0), { what: () => 'systemd to begin' });
      await until(async () => /running|degraded/.test((await systemctl('is-system-running')).stdout), {
        ms: 30_000,
        what: () => 'systemd to be up',
      });
    });

    afterAll(async () => {
      if (machine) {
        const gone = new Promise((resolve) => machine.once('exit', resolve));
        process.kill(processOne, 'SIGKILL'); // the end of process 1 is the end of all in its namespace
        await gone;
      }
      await until(() => removed(cgroup), { what: () => 'the control group to be empty' });
      await fake?.stop();
      rmSync(work, { recursive: true, force: true });
    });

    test('start returns when messages are taken; stop finishes what is under way', async () => {
      const began = performance.now();
      const started = await systemctl('start', 'holdfast');
      expect(started, `${started.stderr}${await journal()}`).toMatchObject({ code: 0 });
      console.log(`systemctl start took ${(performance.now() - began).toFixed(0)} ms`);
      expect((await ask<TurnAnswer>('POST', '/v1/chat', { message: 'Hello!' })).body).toMatchObject({
        status: 'completed',
        degraded: false,
      });
      const uid = Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${processOne}/root/proc/${await show('MainPID')}/status`, 'utf8'))?.[1]);
      expect(uid, 'a user of its own').toBeGreaterThan(60_000);
      fake.push({ text: 'Finished in time.', latencyMs: 1_500 });
      const last = ask<TurnAnswer>('POST', '/v1/chat', { message: 'Before you go' });
      await until(async () => (await ask<{ data: unknown[] }>('GET', '/v1/turns?status=running')).body.data.length > 0);
      expect((await systemctl('stop', 'holdfast')).code).toBe(0);
      expect((await last).body).toMatchObject({ reply: 'Finished in time.' });
      expect(await show('Result')).toBe('success');
    });

    test('what was killed is started again; wrong settings are not tried twice', async () => {
      expect((await systemctl('start', 'holdfast')).code).toBe(0);
      const before = Number(await show('MainPID'));
      await systemctl('kill', '--signal=SIGKILL', 'holdfast');
      await until(async () => (await show('ActiveState')) === 'active' && Number(await show('MainPID')) !== before, { ms: 15_000 });
      expect((await ask<{ data: unknown[] }>('GET', '/v1/sessions')).body.data.length).toBeGreaterThan(0);
      await systemctl('stop', 'holdfast');

      settings('HOLDFAST_DEADLNE_MS=5\n');
      expect((await systemctl('start', 'holdfast')).code).not.toBe(0);
      await until(async () => (await show('ActiveState')) === 'failed', { what: () => 'the unit to give up' });
      expect(await show('ExecMainStatus')).toBe('78');
      expect(await show('NRestarts')).toBe('0');
      expect(await journal()).toMatch(/Did you mean HOLDFAST_DEADLINE_MS\?[\s\S]*Fix: /);
    });
  },
);

function firstChild(pid: number): number | undefined {
  const found = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0];
  if (!found) return undefined;
  return readFileSync(`/proc/${found}/comm`, 'utf8').trim() === 'systemd' ? Number(found) : undefined;
}

/** A control group is removed from its leaves up. */
function removed(folder: string): boolean {
  if (!existsSync(folder)) return true;
  for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) removed(join(folder, entry.name));
  try {
    rmdirSync(folder);
    return true;
  } catch {
    // A process of it is not gone yet: asked again.
    return false;
  }
}
