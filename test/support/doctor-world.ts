// What an operator has at 3 a.m.: a home in some state, the doctor, and a shell to run its fixes in.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { CheckId, DoctorReport, Finding } from '../../src/contract/finding.ts';
import { type Cli, type CliOptions, type CliResult, createCli, runProgram } from './cli.ts';
import { repository } from './server-process.ts';

export interface DoctorWorld extends Cli {
  /** `holdfast doctor --json`, which must end with `code`. Every fix in it is held to be a command. */
  doctor(code: number, options?: CliOptions): Promise<DoctorReport>;
  /** The findings of `holdfast status --deep`. */
  deep(options?: CliOptions): Promise<Finding[]>;
  /** Runs a fix as a person would who copies the whole line. */
  apply(finding: Finding): Promise<CliResult>;
}

export function createDoctorWorld(env: Record<string, string> = {}, folder?: string): DoctorWorld {
  const cli = createCli(env, folder);
  return {
    ...cli,
    async doctor(code, options) {
      const report = JSON.parse((await cli.expect(code, ['doctor', '--json'], options)).stdout) as DoctorReport;
      await assertRunnable(report.findings);
      return report;
    },
    async deep(options) {
      const { stdout } = await cli.expect(0, ['status', '--deep', '--json'], options);
      const { findings } = JSON.parse(stdout) as { findings: Finding[] };
      await assertRunnable(findings);
      return findings;
    },
    apply: ({ fix }) =>
      runProgram(
        [
          'bash',
          '-c',
          (fix ?? '').replaceAll(/(npx )?holdfast (?=[a-z])/g, `'${process.execPath}' '${join(repository, 'bin', 'holdfast.js')}' `),
        ],
        {
          cwd: cli.folder,
          env: { HOLDFAST_HOME: cli.home, PORT: '0', DASHBOARD_PORT: '0', ...env },
        },
      ),
  };
}

export function finding(findings: readonly Finding[], id: CheckId, subject?: string): Finding {
  const found = findings.find((each) => each.id === id && (subject === undefined || each.subject === subject));
  if (!found) throw new Error(`no finding ${id} among ${findings.map((each) => each.id).join(', ')}`);
  return found;
}

export const errorsOf = ({ findings }: DoctorReport): string[] =>
  findings.filter(({ severity }) => severity === 'error').map(({ id }) => id);

/** A verb of ours, or a program that is there on an ordinary machine. */
const PROGRAMS = new Set([
  'npx',
  'npm',
  'holdfast',
  'env',
  'mv',
  'cp',
  'chmod',
  'sudo',
  'df',
  'ls',
  'date',
  'dmesg',
  'top',
  'lsof',
  'findmnt',
  'export',
]);

/** With a warning or an error there is a line that a shell can read, and it begins with a program; nothing in it waits to be filled in. */
async function assertRunnable(findings: readonly Finding[]): Promise<void> {
  for (const { id, severity, fix, cause } of findings) {
    expect(cause, id).toMatch(/[.!]$/);
    if (severity === 'warning' || severity === 'error') expect(fix, id).not.toBeNull();
    if (fix === null) continue;
    const [command = ''] = fix.split('   # ');
    expect(PROGRAMS.has(command.split(' ')[0] ?? ''), `${id}: ${fix}`).toBe(true);
    expect(command, id).not.toMatch(/[<>]/);
    const parsed = await runProgram(['bash', '-n', '-c', fix], {});
    expect([parsed.code, parsed.stderr], `${id}: ${fix}`).toEqual([0, '']);
  }
}

/** Name, size, digest and time of everything in a folder: the same before and after means that nothing was touched. */
export function snapshotOf(home: string, leaveOut: RegExp = /(?!)/): string[] {
  return readdirSync(home, { recursive: true, encoding: 'utf8' })
    .filter((name) => !leaveOut.test(name))
    .sort()
    .map((name) => {
      const path = join(home, name);
      const found = statSync(path);
      const digest = found.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : 'folder';
      return `${name} ${found.mode.toString(8)} ${found.mtimeMs} ${digest}`;
    });
}
