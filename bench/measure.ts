// One measurement: warm the conversations, make sure that the model really gets the history, then count the server's seconds.
import { type Job, type JobResult, REPLY } from './jobs.ts';
import { type Companion, cpuSeconds, type Target } from './processes.ts';
import type { UpstreamRequest } from './upstream.ts';

export interface Bench {
  load: Companion;
  upstream: Companion;
  historyMessages: number;
}

export interface Plan {
  concurrency: number;
  turns: number;
  stream?: boolean;
  model?: Omit<UpstreamRequest, 'text' | 'watch'>;
}

export interface Figures extends JobResult {
  cpuPerThousand: number;
  turnsPerSecond: number;
}

interface Seen {
  calls: number;
  watched: number[];
}

export async function measure(bench: Bench, target: Target, plan: Plan): Promise<Figures> {
  const job = jobFor(target, plan);
  await warm(bench, job);
  const { calls: before } = await behave(bench, { text: REPLY, ...plan.model });
  const cpuBefore = cpuSeconds(target.pid);
  const result = await bench.load.ask<JobResult>({ job });
  const cpu = cpuSeconds(target.pid) - cpuBefore;
  const { calls } = await behave(bench, { text: REPLY });
  if (result.bad > 0) throw new Error(`${target.name}: ${result.bad} of ${result.turns} answers are wrong; the first:\n${result.firstBad}`);
  if (calls - before !== result.turns)
    throw new Error(`${target.name}: the model was asked ${calls - before} times for ${result.turns} turns`);
  return { ...result, cpuPerThousand: (cpu * 1000) / result.turns, turnsPerSecond: result.turns / result.seconds };
}

function jobFor(target: Target, plan: Plan): Job {
  return {
    port: target.port,
    authorization: target.authorization,
    concurrency: plan.concurrency,
    turns: plan.turns,
    stream: plan.stream ?? false,
    expect: REPLY,
    target: target.name,
  };
}

/** Enough turns to fill the history of every conversation and to let the compiler settle; then one watched round. */
async function warm(bench: Bench, job: Job): Promise<void> {
  const rounds = Math.ceil(bench.historyMessages / 2) + 1;
  await behave(bench, { text: REPLY });
  await bench.load.ask<JobResult>({ job: { ...job, turns: Math.max(rounds * job.concurrency, 300), evenly: true } });
  await behave(bench, { text: REPLY, watch: true });
  await bench.load.ask<JobResult>({ job: { ...job, turns: job.concurrency, evenly: true } });
  const { watched } = await behave(bench, { text: REPLY });
  // The newest 20 messages may begin with a reply, which no model takes first: 19 is as full as 20.
  const poor = watched.filter((count) => count < bench.historyMessages - 1 || count > bench.historyMessages + 1);
  if (watched.length === 0 || poor.length > 0)
    throw new Error(`${job.target}: the model saw ${poor[0] ?? 'no'} messages instead of ${bench.historyMessages}`);
}

export const behave = (bench: Bench, request: UpstreamRequest): Promise<Seen> => bench.upstream.ask<Seen>(request);
