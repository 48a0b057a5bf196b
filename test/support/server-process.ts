// The real server as a real process: what is tested is what ships. Ports and the admin token are found the way the CLI finds them.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assertDocumented } from './documented.ts';
import { until } from './until.ts';

export const repository = fileURLToPath(new URL('../..', import.meta.url));

export interface ServerOptions {
  /** The working folder, with `.env`, `holdfast.config.ts` and the home in it. A temporary one when absent; `remove` is the caller's either way. */
  folder?: string;
  env?: Record<string, string>;
  /** Put before the command, such as `['taskset', '-c', '0']`. */
  prefix?: string[];
  nodeArgs?: string[];
  readyMs?: number;
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ServerProcess {
  readonly pid: number;
  readonly folder: string;
  readonly home: string;
  readonly url: string;
  readonly port: number;
  readonly token: string;
  /** Milliseconds from spawn to the first 200 of /readyz. */
  readonly readyAfterMs: number;
  stdout(): string;
  stderr(): string;
  ended: Promise<Ended>;
  /** JSON in, JSON out, as the local admin. */
  call<T = Record<string, unknown>>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>>;
  stop(): Promise<Ended>;
  kill9(): Promise<Ended>;
  /** Removes the working folder with everything in it. */
  remove(): void;
}

/** `body` is what the caller expects the JSON to be; nothing is checked. An answer that is not JSON has only `text`. */
export interface Answer<T> {
  status: number;
  headers: Headers;
  text: string;
  body: T;
}

export const temporaryFolder = (name = 'test'): string => mkdtempSync(join(tmpdir(), `holdfast-${name}-`));
export const homeIn = (folder: string): string => join(folder, '.holdfast');

/** Only what a process needs to run: no key and no setting of whoever runs the tests gets in. */
export function cleanEnvironment(extra: Record<string, string> = {}): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'SystemRoot'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), ...extra };
}

/** Tests of the product run what is built. `npm test` builds first; this catches who did not. */
export function builtProgram(name: 'main' | 'cli' | 'index' | 'client'): string {
  const path = join(repository, 'dist', `${name}.js`);
  if (!existsSync(path)) throw new Error('dist/ is missing: npm run build');
  const newest = Math.max(...sourceTimes(join(repository, 'src')));
  if (newest > statSync(path).mtimeMs) throw new Error('dist/ is older than src/: npm run build');
  return path;
}

function sourceTimes(folder: string): number[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceTimes(path);
    return entry.name.endsWith('.test.ts') ? [] : [statSync(path).mtimeMs];
  });
}

export async function startServer(options: ServerOptions = {}): Promise<ServerProcess> {
  const folder = options.folder ?? temporaryFolder();
  const home = homeIn(folder);
  const child = spawnServer(folder, options);
  // A test that fails halfway must not leave its server running.
  const orphaned = () => child.kill('SIGKILL');
  process.once('exit', orphaned);
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    output.stdout += chunk;
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    output.stderr += chunk;
  });
  let over = false;
  const ended = new Promise<Ended>((resolve) => {
    child.on('exit', (code, signal) => {
      over = true;
      process.off('exit', orphaned);
      resolve({ code, signal });
    });
  });
  const began = performance.now();
  const found = await until(
    async () => {
      if (over) throw new Error(`the server ended before it was ready\n${output.stdout}${output.stderr}`);
      const state = readRunState(home, child.pid);
      return state && (await answers(`http://127.0.0.1:${state.port}/readyz`)) ? state : undefined;
    },
    { ms: options.readyMs ?? 15_000, everyMs: 3, what: () => `the server to be ready\n${output.stdout}${output.stderr}` },
  ).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  const url = `http://127.0.0.1:${found.port}`;
  // The local token is a new one at each start; a key of the environment outlives restarts.
  const token = options.env?.HOLDFAST_ADMIN_KEY ?? found.token;
  const end = (signal: NodeJS.Signals) => {
    if (!over) child.kill(signal);
    return ended;
  };
  return {
    pid: found.pid,
    folder,
    home,
    url,
    port: found.port,
    token,
    readyAfterMs: performance.now() - began,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    ended,
    call: (method, path, body, headers) => call(`${url}${path}`, method, body, { authorization: `Bearer ${token}`, ...headers }),
    stop: () => end('SIGTERM'),
    kill9: () => end('SIGKILL'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function spawnServer(folder: string, options: ServerOptions): ChildProcess {
  const [command = process.execPath, ...args] = [
    ...(options.prefix ?? []),
    process.execPath,
    ...(options.nodeArgs ?? []),
    builtProgram('main'),
  ];
  return spawn(command, args, {
    cwd: folder,
    env: cleanEnvironment({ HOLDFAST_HOME: homeIn(folder), PORT: '0', DASHBOARD_PORT: '0', ...options.env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export interface RunState {
  pid: number;
  port: number;
  token: string;
}

/** What a running server says of itself in its home; undefined while it says nothing, or when it is another process's word. */
export function readRunState(home: string, pid?: number): RunState | undefined {
  try {
    const state = JSON.parse(readFileSync(join(home, 'run', 'agent.json'), 'utf8')) as { pid: number; port: number };
    const token = readFileSync(join(home, 'run', 'token'), 'utf8').trim();
    return pid !== undefined && state.pid !== pid ? undefined : { pid: state.pid, port: state.port, token };
  } catch (error) {
    // Not there yet, or half written: the caller asks again.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    (response) => response.ok,
    () => false,
  );

export async function call<T>(url: string, method: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> {
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  await assertDocumented({ method, path: new URL(url).pathname }, new Response(text, response));
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, text, body: (isJson ? JSON.parse(text) : undefined) as T };
}
