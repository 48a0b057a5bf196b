// A container of the built image under runc: its own processes, a read-only root, no capability, a memory limit; the network is the machine's.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CliResult, runProgram } from '../support/cli.ts';

/** What the image says, as `buildah inspect` prints it. */
export interface ImageConfig {
  User: string;
  Env: string[];
  Entrypoint: string[];
  Cmd: string[];
  WorkingDir: string;
  Labels: Record<string, string>;
  Volumes: Record<string, object>;
  Healthcheck: { Test: string[] };
}

export interface ContainerOptions {
  work: string;
  /** The image's files. */
  root: string;
  image: ImageConfig;
  /** A folder of the machine that becomes HOLDFAST_HOME. */
  volume: string;
  env?: Record<string, string>;
  /** Files of the machine by their place in the container. */
  files?: Record<string, string>;
}

export interface Container {
  stdout(): string;
  stderr(): string;
  ended: Promise<{ code: number | null; ms: number }>;
  exec(command: string[]): Promise<CliResult>;
  healthcheck(): Promise<CliResult>;
  signal(name: string): Promise<void>;
}

const MEMORY_BYTES = 512 * 1024 * 1024;
const PIDS = 128;

export function startContainer(options: ContainerOptions): Container {
  const id = `holdfast-${process.pid}-${process.hrtime.bigint()}`;
  const bundle = join(options.work, id);
  mkdirSync(bundle);
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(specification(options, id)));
  const runc = ['runc', '--root', join(options.work, 'runc')];
  const began = performance.now();
  const child = spawn('runc', [...runc.slice(1), 'run', '--bundle', bundle, id], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = [gather(child, 'stdout'), gather(child, 'stderr')];
  const exec = (command: string[]) => runProgram([...runc, 'exec', id, ...command], {});
  return {
    stdout,
    stderr,
    ended: new Promise((resolve) => child.on('close', (code) => resolve({ code, ms: performance.now() - began }))),
    exec,
    healthcheck() {
      const [kind, ...command] = options.image.Healthcheck.Test;
      if (kind !== 'CMD') throw new Error(`the health check is ${kind}, not CMD: it would need a shell`);
      return exec(command);
    },
    async signal(name) {
      await runProgram([...runc, 'kill', id, name], {});
    },
  };
}

function gather(child: ChildProcess, name: 'stdout' | 'stderr'): () => string {
  let text = '';
  child[name]?.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  return () => text;
}

function specification({ root, image, volume, env = {}, files = {} }: ContainerOptions, id: string): object {
  const [uid = 0, gid = 0] = image.User.split(':').map(Number);
  const bind = (source: string, destination: string, mode: string) => ({ source, destination, type: 'bind', options: ['bind', mode] });
  const [home = ''] = Object.keys(image.Volumes);
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid, gid },
      args: [...image.Entrypoint, ...image.Cmd],
      env: [...image.Env, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)],
      cwd: image.WorkingDir,
      capabilities: {},
      noNewPrivileges: true,
    },
    root: { path: root, readonly: true },
    hostname: 'holdfast',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=64k'] },
      { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'size=16m'] },
      bind(volume, home, 'rw'),
      ...Object.entries(files).map(([destination, source]) => bind(source, destination, 'ro')),
    ],
    linux: {
      cgroupsPath: `/${id}`,
      namespaces: ['pid', 'mount', 'ipc', 'uts'].map((type) => ({ type })),
      resources: { memory: { limit: MEMORY_BYTES }, pids: { limit: PIDS } },
      maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}
