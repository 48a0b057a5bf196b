import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acquireHomeLock } from './home-lock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('one holds it, a second is refused, and it is free again after release', () => {
  const path = join(folder, 'run', 'lock.db');
  const lock = acquireHomeLock(path);
  expect(lock).toBeDefined();
  expect(acquireHomeLock(path)).toBeUndefined();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  lock?.release();
  lock?.release();
  const next = acquireHomeLock(path);
  expect(next).toBeDefined();
  next?.release();
});

test('the kernel frees it when its process is killed', async () => {
  const path = join(folder, 'run', 'lock.db');
  const code = `const { acquireHomeLock } = await import(${JSON.stringify(new URL('./home-lock.ts', import.meta.url).href)});
    console.log(acquireHomeLock(${JSON.stringify(path)}) ? 'held' : 'refused');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [said] = await once(child.stdout, 'data');
    expect(String(said).trim()).toBe('held');
    expect(acquireHomeLock(path)).toBeUndefined();
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const lock = acquireHomeLock(path);
  expect(lock).toBeDefined();
  lock?.release();
});
