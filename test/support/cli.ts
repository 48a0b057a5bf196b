// The command line as a person has it: bin/holdfast.js in a process of its own.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { builtProgram, cleanEnvironment, homeIn, readRunState, repository, temporaryFolder } from './server-process.ts';

export interface CliResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  ms: number;
}

export interface CliOptions {
  env?: Record<string, string>;
  input?: string;
  cwd?: string;
  node?: string;
  timeoutMs?: number;
}

export interface Cli {
  readonly folder: string;
  readonly home: string;
  run(args: string[], options?: CliOptions): Promise<CliResult>;
  /** The same, and fails with both outputs unless it ends with `code`. */
  expect(code: number, args: string[], options?: CliOptions): Promise<CliResult>;
  /** Stops what was started and removes the folder. */
  close(): Promise<void>;
}

/** A folder of its own with a home in it, ports nobody else has, no setting of whoever runs the tests. */
export function createCli(env: Record<string, string> = {}, folder: string = temporaryFolder()): Cli {
  const home = homeIn(folder);
  builtProgram('cli');
  const own = { HOLDFAST_HOME: home, PORT: '0', DASHBOARD_PORT: '0', ...env };
  const run = (args: string[], options: CliOptions = {}) =>
    runProgram([options.node ?? process.execPath, join(repository, 'bin', 'holdfast.js'), ...args], {
      ...options,
      cwd: options.cwd ?? folder,
      env: { ...own, ...options.env },
    });
  return {
    folder,
    home,
    run,
    async expect(code, args, options) {
      const result = await run(args, options);
      if (result.code !== code)
        throw new Error(
          `holdfast ${args.join(' ')} ended with ${result.code ?? result.signal}, not ${code}\n${result.stdout}\n${result.stderr}`,
        );
      return result;
    },
    async close() {
      const state = readRunState(home);
      if (state) {
        const { code } = await run(['stop', '--timeout', '10s']);
        if (code !== 0) process.kill(state.pid, 'SIGKILL');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function runProgram([command = '', ...args]: string[], options: CliOptions): Promise<CliResult> {
  const began = performance.now();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: cleanEnvironment(options.env),
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 60_000,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  child.stdin.on('error', () => undefined); // a program that reads no input may be gone already
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr, ms: performance.now() - began }));
  });
}

/** Any escape sequence at all: what a pipe must never see. */
export const hasEscapes = (text: string): boolean => text.includes('\u001b') || text.includes('\u009b');
