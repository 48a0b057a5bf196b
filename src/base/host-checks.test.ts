import { chmodSync, mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { homePaths, prepareHome } from './home.ts';
import { clockFinding, diskFinding, diskRoom, envFileFinding, homeFinding, logFolderFinding, nodeFinding } from './host-checks.ts';

const folder = () => mkdtempSync(join(tmpdir(), 'holdfast-host-'));

test('Node from 24 on is new enough', () => {
  expect(nodeFinding('v24.0.0').severity).toBe('ok');
  expect(nodeFinding('v26.1.0').severity).toBe('ok');
  expect(nodeFinding('v20.11.1')).toMatchObject({ severity: 'error', cause: expect.stringContaining('20.11.1 is too old') });
});

test('a clock is off when it is minutes behind what it must have seen, never when it is merely later', () => {
  const now = Date.UTC(2026, 0, 1);
  const hour = 3_600_000;
  expect(clockFinding({ now }).severity).toBe('ok');
  expect(clockFinding({ now, newestAt: now + 4 * 60_000, builtAt: now - hour }).severity).toBe('ok');
  expect(clockFinding({ now, newestAt: now - 1_000 * hour }).severity).toBe('ok');
  expect(clockFinding({ now, newestAt: now + 3 * hour })).toMatchObject({
    severity: 'error',
    cause: expect.stringContaining('3 hours before the newest stored row'),
  });
  expect(clockFinding({ now, builtAt: now + 96 * hour })).toMatchObject({
    severity: 'error',
    cause: expect.stringContaining('4 days before this program'),
  });
});

test('room is judged by the threshold, also of a folder that is not there yet', async () => {
  const paths = homePaths(join(folder(), 'not', 'there'));
  const room = await diskRoom(paths.home);
  expect(room?.freeBytes).toBeGreaterThan(0);
  expect((await diskFinding(paths, 0)).severity).toBe('ok');
  expect((await diskFinding(paths, 1e9)).severity).toMatch(/warning|error/);
});

test('a home that is open to others is named by what is open, and a closed one hides what is in it', async () => {
  const paths = prepareHome(join(folder(), "it's a home"));
  writeFileSync(paths.masterKey, 'x');
  chmodSync(paths.masterKey, 0o644);
  expect((await homeFinding(paths)).severity).toBe('ok');
  chmodSync(paths.home, 0o711);
  const open = await homeFinding(paths);
  expect(open).toMatchObject({
    severity: 'warning',
    cause: expect.stringContaining('master.key'),
    fix: expect.stringContaining(`it'\\''s a home`),
  });
  const file = join(folder(), 'file');
  writeFileSync(file, '');
  expect(await homeFinding(homePaths(file))).toMatchObject({ severity: 'error', cause: expect.stringContaining('is not a folder') });
});

test('what is not a home of ours is never moved, closed or handed over', async () => {
  const file = join(folder(), 'file');
  writeFileSync(file, '');
  const alien = folder();
  for (const name of ['etc', 'var']) mkdirSync(join(alien, name));
  chmodSync(alien, 0o755);
  const logsInTheWay = folder();
  for (const name of ['logs', 'other']) writeFileSync(join(logsInTheWay, name), '');
  const found = [await homeFinding(homePaths(file)), await homeFinding(homePaths(alien)), await logFolderFinding(homePaths(logsInTheWay))];
  for (const { cause, fix } of found) expect(fix, cause).toMatch(/^export HOLDFAST_HOME=.*# set HOLDFAST_HOME to a folder/);
  prepareHome(alien);
  expect([statSync(alien).mode & 0o777, statSync(join(alien, 'data')).mode & 0o777]).toEqual([0o755, 0o700]);
});

test('the log is judged by what lies there and by lines that were lost', async () => {
  const paths = prepareHome(join(folder(), 'home'));
  expect((await logFolderFinding(paths)).severity).toBe('ok');
  expect(await logFolderFinding(paths, 3)).toMatchObject({ severity: 'warning', cause: expect.stringContaining('3 log lines were lost') });
  mkdirSync(paths.log);
  expect(await logFolderFinding(paths)).toMatchObject({ severity: 'error', cause: expect.stringContaining('is not a file') });
});

test('.env is judged by who may read it', async () => {
  const cwd = folder();
  expect((await envFileFinding(cwd)).severity).toBe('ok');
  writeFileSync(join(cwd, '.env'), 'X=1\n');
  for (const [mode, severity] of [
    [0o600, 'ok'],
    [0o640, 'warning'],
    [0o604, 'warning'],
  ] as const) {
    chmodSync(join(cwd, '.env'), mode);
    expect((await envFileFinding(cwd)).severity).toBe(severity);
  }
});
