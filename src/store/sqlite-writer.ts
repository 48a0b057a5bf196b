// Entry of the writer thread: takes one job at a time and answers each.
import { parentPort, workerData } from 'node:worker_threads';
import type { Batch } from './sqlite-batch.ts';
import { type BatchReply, createCommitter, type Failure } from './sqlite-committer.ts';
import { openWriting } from './sqlite-connection.ts';

export type Job = { kind: 'batch'; batch: Batch; scrub: boolean } | { kind: 'mend' } | { kind: 'close' };
export type Reply = { kind: 'batch'; reply: BatchReply } | { kind: 'mend'; failed: Failure | undefined } | { kind: 'closed' };
export interface WriterData {
  path: string;
}

const { path } = workerData as WriterData;
const committer = createCommitter(() => openWriting(path));

parentPort?.on('message', (job: Job) => {
  parentPort?.postMessage(answer(job));
  if (job.kind === 'close') parentPort?.close();
});

function answer(job: Job): Reply {
  if (job.kind === 'batch') return { kind: 'batch', reply: committer.run(job.batch, job.scrub) };
  if (job.kind === 'mend') return { kind: 'mend', failed: committer.mend() };
  committer.close();
  return { kind: 'closed' };
}
