// `main.ts task <name>`: what needs the store and no server. The command line spawns it; the answer is one JSON document on stdout.
import { parseArgs } from 'node:util';
import { systemClock } from './base/clock.ts';
import { loadClientConfig, loadDataConfig, processEnv } from './base/config.ts';
import { ConfigError } from './base/errors.ts';
import { type HomePaths, homePaths } from './base/home.ts';
import { parseAuditHead } from './contract/audit.ts';
import { examineData } from './doctor/data-doctor.ts';
import { verifyAuditFile } from './store/audit-file.ts';

type Task = (paths: HomePaths, args: string[]) => Promise<unknown>;

const TASKS: Readonly<Record<string, Task>> = { 'audit-verify': auditVerify, doctor };

/** Returns the exit code: 0 when there is a document, whatever it says. Never rejects. */
export async function runTask([name = '', ...args]: string[]): Promise<number> {
  try {
    const task = Object.hasOwn(TASKS, name) ? TASKS[name] : undefined;
    if (!task) throw new ConfigError(`There is no task of that name; known are ${Object.keys(TASKS).join(', ')}.`, 'holdfast --help');
    const { home } = loadClientConfig({ env: processEnv(), cwd: process.cwd() });
    process.stdout.write(`${JSON.stringify(await task(homePaths(home), args))}\n`);
    return 0;
  } catch (error) {
    const isOurs = error instanceof ConfigError;
    const said = isOurs ? error.message : `the task failed (${error instanceof Error ? error.name : 'an error without a name'}).`;
    process.stderr.write(`holdfast: ${said}\nFix: ${isOurs ? error.fix : 'holdfast config validate'}\n`);
    return isOurs ? error.exitCode : 1;
  }
}

async function auditVerify({ database }: HomePaths, args: string[]): Promise<unknown> {
  const { values } = parseArgs({ args, options: { head: { type: 'string', multiple: true } }, strict: true });
  const heads = (values.head ?? []).map((text) => {
    const head = parseAuditHead(text);
    if (!head) throw new ConfigError('A head is <seq>:<hash>, the hash in 64 hexadecimal digits.', 'holdfast audit verify --help');
    return head;
  });
  return verifyAuditFile(database, heads);
}

/** The data of this home as it lies there. Whoever asks knows whether an agent of this machine runs; the lock tells of any other. */
function doctor(paths: HomePaths): Promise<unknown> {
  const { masterKey } = loadDataConfig({ env: processEnv(), cwd: process.cwd() });
  return examineData({ paths, masterKey, clock: systemClock });
}
