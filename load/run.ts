// npm run load [-- options]: a load test of your own agent, and whether it kept its word under it. `--help` says what can be asked.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { call, inParallel, need, readServerStatus, type Target } from './api.ts';
import { drive } from './drive.ts';
import { createLedger } from './ledger.ts';
import { HELP, LoadError, type Options, readOptions } from './options.ts';
import { createRecorder } from './recorder.ts';
import { reportHtml } from './report-html.ts';
import { createProgress, summary } from './report-text.ts';
import { type Result, resultOf } from './result.ts';
import { type Chosen, chooseTarget } from './target.ts';
import { createUserClient } from './user-client.ts';
import { verify } from './verify.ts';
import { watch } from './watch.ts';

const note = (text: string) => process.stderr.write(`${text}\n`);

async function run(options: Options, stop: AbortSignal): Promise<Result> {
  const target = await chooseTarget(options);
  let sessions: string[] = [];
  try {
    note(`Testing ${target.what}`);
    sessions = await makeSessions(target, options.connections);
    return await measure({ options, target, sessions, stop });
  } finally {
    if (options.url !== undefined && !options.keep) await eraseSessions(target, sessions);
    await target.close();
  }
}

interface Run {
  options: Options;
  target: Chosen;
  sessions: readonly string[];
  stop: AbortSignal;
}

async function measure({ options, target, sessions, stop }: Run): Promise<Result> {
  const ledger = createLedger(options.message);
  const before = await readServerStatus(target);
  const client = createUserClient(target, { connections: options.connections, timeoutMs: options.timeoutS * 1000 });
  const startedAt = new Date();
  const recorder = createRecorder();
  const progress = createProgress(process.stderr, recorder, options.durationS);
  const watching = watch(target, recorder, () => progress.update());
  await drive({ options, target, ledger, recorder, client, sessions, stop });
  const seconds = recorder.elapsedS();
  watching.stop();
  progress.end();
  client.close();
  const cutAtTheEnd = [...ledger.sent.values()].filter(({ trouble }) => trouble === 'cut').length;
  note('Checking what was answered against what the agent has …');
  const verification = await verify({ target, ledger, sessions }, () => acceptedSince(before, target));
  return resultOf({ startedAt, agent: target.what, options, seconds, recorder, ledger, verification, cutAtTheEnd });
}

/** Null when it cannot be known: the key may not see it, or the agent was started anew and counts from zero. */
async function acceptedSince(before: Awaited<ReturnType<typeof readServerStatus>>, target: Target): Promise<number | null> {
  const after = await readServerStatus(target);
  return before && after && before.startedAt === after.startedAt ? after.requests.accepted - before.requests.accepted : null;
}

async function makeSessions(target: Target, count: number): Promise<string[]> {
  const made: string[] = [];
  await inParallel(Array.from({ length: count }), 8, async () => {
    const { id } = await need<{ id: string }>(target, 'POST', '/v1/sessions', { title: 'Load test' });
    made.push(id);
  });
  return made;
}

async function eraseSessions(target: Target, sessions: readonly string[]): Promise<void> {
  let left = 0;
  await inParallel(sessions, 4, async (id) => {
    const answer = await call(target, 'DELETE', `/v1/sessions/${id}`).catch(() => undefined);
    if (answer?.status !== 200 && answer?.status !== 404) left += 1;
  });
  if (left > 0) note(`${left} sessions titled “Load test” could not be erased. Look at: npx holdfast sessions list`);
}

function writeReport(path: string, result: Result): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, reportHtml(result));
  note(`Report: ${path}`);
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (!options) {
    process.stdout.write(HELP);
    return 0;
  }
  const stop = new AbortController();
  // The first Ctrl-C ends the load and still checks and reports; the second one leaves.
  process.on('SIGINT', () => {
    if (stop.signal.aborted) process.exit(130);
    note('\nStopping; what was sent is still checked. Ctrl-C again leaves at once.');
    stop.abort();
  });
  const result = await run(options, stop.signal);
  if (options.report !== false) writeReport(options.report, result);
  process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : summary(result));
  return result.passed ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof LoadError)) throw error;
  note(`load: ${error.message}\nFix: ${error.fix}`);
  process.exitCode = error.exit;
}
