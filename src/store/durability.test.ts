// What a killed process and a full disk may and may not take.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { accepted, admin, createStoreWorld, ending, exchange, question, rejection } from '../../test/support/store-world.ts';
import { systemClock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { createIds } from '../base/ids.ts';
import { silentLogger } from '../base/log.ts';
import { openStore } from './open-store.ts';
import { openSqlite } from './sqlite.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-durability-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const source = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);

/** Accepts and commits in eight sessions at once and says each acknowledgement on stdout. */
const LOOP = (path: string, key: string) => `
  import { createSecretKey } from 'node:crypto';
  import { writeSync } from 'node:fs';
  const { systemClock: clock } = await import(${source('../base/clock.ts')});
  const { createIds } = await import(${source('../base/ids.ts')});
  const { silentLogger: log } = await import(${source('../base/log.ts')});
  const { openSqlite } = await import(${source('./sqlite.ts')});
  const { openStore } = await import(${source('./open-store.ts')});
  const { question, ending, accepted } = await import(${source('../../test/support/store-world.ts')});
  const ids = createIds(clock);
  const database = openSqlite({ path: ${JSON.stringify(path)}, clock, log });
  const store = await openStore({ database, masterKey: createSecretKey(Buffer.from(${JSON.stringify(key)}, 'hex')), clock, ids, log });
  writeSync(1, 'ready\\n');
  await Promise.all(Array.from({ length: 8 }, async (_, n) => {
    const id = ids.make('ses');
    for (let round = 0; ; round += 1) {
      const turn = await accepted(store, question(ids, 'q' + round, round === 0 ? { id, create: {} } : { id }));
      writeSync(1, 'accepted ' + turn.id + '\\n');
      await store.turns.commit(ending(turn, 'a' + round));
      writeSync(1, 'committed ' + turn.id + '\\n');
    }
  }));
`;

test('a process killed at any moment loses nothing it acknowledged, and doubles nothing', { timeout: 120_000 }, async () => {
  const path = join(folder, 'data', 'agent_state.db');
  const world = createStoreWorld();
  const key = world.masterKey.export().toString('hex');
  const script = join(folder, 'loop.mjs');
  writeFileSync(script, LOOP(path, key));
  const said = new Set<string>();
  for (let round = 0; round < 6; round += 1) {
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    let heard = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      if (line !== 'ready') said.add(line);
      heard += 1;
      if (heard === 40 + round * 61) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
  }
  const database = openSqlite({ path, clock: systemClock, log: silentLogger });
  const store = await openStore({ database, masterKey: world.masterKey, clock: systemClock, ids: world.ids, log: silentLogger });
  expect(said.size).toBeGreaterThan(500);
  for (const line of said) {
    const [what, id = ''] = line.split(' ');
    const turn = await store.turns.get(id);
    expect(turn, line).toBeDefined();
    if (turn && what === 'committed') expect((await store.turns.texts(turn)).reply).toMatch(/^a\d+$/);
  }
  for (const turn of await store.turns.open()) await store.turns.commit(ending(await store.turns.reopen(turn), 'late'));
  const { accepted: all, byStatus } = await store.turns.counts();
  expect(byStatus).toMatchObject({ completed: all, queued: 0, running: 0 });
  const replies = await database.read(
    `SELECT turn_id, COUNT(*) AS n FROM messages WHERE role = 'assistant' GROUP BY turn_id HAVING n <> 1`,
  );
  expect(replies).toEqual([]);
  await store.close();
  const file = new DatabaseSync(path, { readOnly: true });
  expect(file.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
  file.close();
  await world.end();
});

/** `fsync` and `fdatasync` fail while the flag file is there: a disk that lies still until it is asked to keep something. */
const BAD_FSYNC = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
static int fails(void) { const char *flag = getenv("EIO_FLAG"); return flag && access(flag, F_OK) == 0; }
int fsync(int fd) { int (*real)(int) = dlsym(RTLD_NEXT, "fsync"); if (fails()) { errno = EIO; return -1; } return real(fd); }
int fdatasync(int fd) { int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync"); if (fails()) { errno = EIO; return -1; } return real(fd); }
`;

const OVER_BAD_DISK = (flag: string) => `
  import { rmSync, writeFileSync } from 'node:fs';
  import { setTimeout as pause } from 'node:timers/promises';
  const { createStoreWorld, exchange, admin } = await import(${source('../../test/support/store-world.ts')});
  const world = createStoreWorld();
  const store = await world.store();
  const id = world.ids.make('ses');
  await store.sessions.create({ id, principal: admin, requestId: 'r' });
  const say = (question) => exchange(store, world.ids, id, { question, answer: 'a' }).then(() => 'stored', (error) => error.code);
  const said = [await say('before')];
  writeFileSync(${JSON.stringify(flag)}, '');
  said.push(await say('lost'), store.health().reason, (await store.messages.history(id, 1e9, 10)).messages.length);
  rmSync(${JSON.stringify(flag)});
  while (!store.health().writable) await pause(20);
  said.push(await say('after'), (await store.messages.history(id, 1e9, 10)).messages.length);
  await world.end();
  console.log(JSON.stringify(said));
`;

test('a failed fsync is never acknowledged: read-only until the file is verified, then writing again', { timeout: 60_000 }, (context) => {
  const [library, script, flag] = [join(folder, 'bad-fsync.so'), join(folder, 'over-bad-disk.mjs'), join(folder, 'flag')];
  const built = spawnSync('cc', ['-shared', '-fPIC', '-x', 'c', '-', '-o', library, '-ldl'], { input: BAD_FSYNC });
  if (process.platform !== 'linux' || built.status !== 0) {
    process.stderr.write('NOT RUN: the failed-fsync test needs Linux and a C compiler\n');
    return context.skip();
  }
  writeFileSync(script, OVER_BAD_DISK(flag));
  const child = spawnSync(process.execPath, [script], {
    encoding: 'utf8',
    timeout: 30_000,
    env: { ...process.env, LD_PRELOAD: library, EIO_FLAG: flag },
  });
  expect(child.stderr).toBe('');
  expect(JSON.parse(child.stdout)).toEqual(['stored', 'storage_unavailable', 'io', 2, 'stored', 4]);
});

/** Room of its own, 40 MiB, when this process may mount; else the test says loudly that it did not run. */
function mountSmallDisk(at: string): boolean {
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', at]).status === 0;
  if (!mounted) process.stderr.write('NOT RUN: the full-disk test needs the right to mount a tmpfs\n');
  return mounted;
}

test('a full disk refuses writes within a second, not reads, lets erasures through, and heals', { timeout: 60_000 }, async (context) => {
  if (!mountSmallDisk(folder)) return context.skip();
  const ids = createIds(systemClock);
  const world = createStoreWorld();
  const database = openSqlite({ path: join(folder, 'data', 'agent_state.db'), clock: systemClock, log: silentLogger });
  const store = await openStore({ database, masterKey: world.masterKey, clock: systemClock, ids, log: silentLogger });
  try {
    const session = { principal: admin, requestId: 'r' };
    const [id, doomed, heap] = [ids.make('ses'), ids.make('ses'), ids.make('ses')];
    for (const each of [id, doomed, heap]) await store.sessions.create({ id: each, ...session });
    await exchange(store, ids, id, { question: 'before', answer: 'a' });
    const big = 'x'.repeat(200_000);
    for (let n = 0; n < 5; n += 1) await exchange(store, ids, doomed, { question: big, answer: big });
    let stored = 0;
    let refused: unknown;
    while (refused === undefined && stored < 400) {
      const turn = await accepted(store, question(ids, big, { id: heap })).catch((error: unknown) => {
        refused = error;
      });
      if (turn) stored += 1;
    }
    expect(refused).toMatchObject({ code: 'storage_unavailable' });
    expect(store.health()).toMatchObject({ writable: false, reason: 'full' });
    const before = performance.now();
    const again = await rejection(accepted(store, question(ids, 'small', { id })));
    expect(again instanceof AppError && again.code).toBe('storage_unavailable');
    expect(performance.now() - before).toBeLessThan(1_000);
    expect((await store.messages.history(id, Number.MAX_SAFE_INTEGER, 10)).messages).toHaveLength(2);
    expect((await store.messages.list(heap, { limit: 200 })).items).toHaveLength(stored);

    await store.sessions.erase(doomed, session);
    expect(await store.sessions.get(doomed)).toBeUndefined();
    // SQLite keeps the freed pages for itself: room on the disk comes from elsewhere.
    expect(spawnSync('mount', ['-o', 'remount,size=80m', folder]).status).toBe(0);
    const freed = performance.now();
    await expect.poll(() => store.health().writable, { timeout: 10_000, interval: 50 }).toBe(true);
    expect(performance.now() - freed).toBeLessThan(5_000);
    await exchange(store, ids, id, { question: 'after', answer: 'b' });
    expect((await store.messages.history(id, Number.MAX_SAFE_INTEGER, 10)).messages).toHaveLength(4);
    expect(await store.counts()).toEqual({ sessions: 2, turns: 2 + stored, messages: 4 + stored });
  } finally {
    await store.close();
    await world.end();
    spawnSync('umount', [folder]);
  }
});
