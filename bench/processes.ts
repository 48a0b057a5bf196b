// The processes of a measurement and what they cost. The server under test has core 0, everything else core 1.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../test/support/server-process.ts';
import { until } from '../test/support/until.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const canPin = cpus().length > 1 && spawnSync('taskset', ['-V']).status === 0;

export const pinning = canPin
  ? 'server on core 0, load and model on core 1'
  : 'not pinned (one core, or no taskset): figures are not comparable';
export const SERVER_CORE = pinned(0);
const OTHER_CORE = pinned(1);

function pinned(core: number): string[] {
  return canPin ? ['taskset', '-c', String(core)] : [];
}

/** This process too: asking whether a server is ready must not cost the server's core. */
export function pinSelf(): void {
  if (canPin) spawnSync('taskset', ['-a', '-p', '-c', '1', String(process.pid)]);
}

/** A child that answers one message at a time. */
export interface Companion {
  readonly hello: Promise<unknown>;
  ask<Result>(message: unknown): Promise<Result>;
  end(): void;
}

export function startCompanion(file: string): Companion {
  const [command = process.execPath, ...args] = [...OTHER_CORE, process.execPath, join(here, file)];
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const next = () =>
    new Promise<unknown>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)));
      child.once('message', (message: { result?: unknown; error?: string }) => {
        child.removeAllListeners('exit');
        if (message.error === undefined) resolve(message.result);
        else reject(new Error(`${file}: ${message.error}`));
      });
    });
  return {
    hello: file === 'upstream.ts' ? next() : Promise.resolve(),
    ask<Result>(message: unknown) {
      const answer = next();
      child.send(message as object);
      return answer as Promise<Result>;
    },
    end: () => child.disconnect(),
  };
}

/** What is measured: the server or the floor, the same from outside. */
export interface Target {
  name: string;
  pid: number;
  port: number;
  authorization: string;
  readyAfterMs: number;
  stop(): Promise<void>;
}

export async function startFloor(upstreamPort: number, historyMessages: number): Promise<Target> {
  const folder = temporaryFolder('floor');
  const file = join(folder, 'floor.db');
  const [command = process.execPath, ...args] = [
    ...SERVER_CORE,
    process.execPath,
    join(here, 'floor.ts'),
    file,
    String(upstreamPort),
    String(historyMessages),
  ];
  const began = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const orphaned = () => child.kill('SIGKILL');
  process.once('exit', orphaned);
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout?.once('data', (chunk: Buffer) => resolve(Number(chunk.toString())));
    child.once('exit', (code) => reject(new Error(`the floor ended with ${code}`)));
  });
  const answers = () => fetch(`http://127.0.0.1:${port}/readyz`).then((response) => response.ok);
  await until(answers, { what: () => 'the floor' });
  return {
    name: 'floor',
    pid: child.pid ?? 0,
    port,
    authorization: 'none',
    readyAfterMs: performance.now() - began,
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => {
          process.off('exit', orphaned);
          rmSync(folder, { recursive: true });
          resolve();
        });
        child.kill('SIGTERM');
      }),
  };
}

const TICKS_PER_SECOND = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout) || 100;

/** User and system seconds of a process with its threads, its living children and those it has buried. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const own = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0) / TICKS_PER_SECOND;
  return childrenOf(pid).reduce((sum, child) => sum + cpuSeconds(child), own);
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number),
  );
}

export function rssMegabytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? Number.NaN) / 1024;
}
