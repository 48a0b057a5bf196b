// The load generator: a process of its own, on the other core. Takes jobs from its parent one after another.
import { type Job, type JobResult, messageText, percentiles } from './jobs.ts';
import { type WireAnswer, WireClient } from './wire-client.ts';

interface Conversation {
  client: WireClient;
  id: string | undefined;
  turns: number;
}

/** Conversations by target and kind of answer: a kept socket has its headers fixed. */
const targets = new Map<string, Conversation[]>();

async function conversationsOf(job: Job): Promise<Conversation[]> {
  const key = `${job.target} ${job.stream}`;
  const list = targets.get(key) ?? [];
  targets.set(key, list);
  while (list.length < job.concurrency) {
    const accept = job.stream ? 'accept: text/event-stream\r\n' : '';
    const headers = `${accept}authorization: ${job.authorization}\r\n`;
    const client = await WireClient.open({ port: job.port, path: '/v1/chat', headers, mark: job.stream ? 'text.delta' : '' });
    list.push({ client, id: undefined, turns: 0 });
  }
  return list.slice(0, job.concurrency);
}

async function run(job: Job): Promise<JobResult> {
  const conversations = await conversationsOf(job);
  const latencies: number[] = [];
  const firstTokens: number[] = [];
  const state = { left: job.turns, bad: 0, firstBad: null as string | null };
  const began = performance.now();
  await Promise.all(
    conversations.map(async (conversation, index) => {
      for (let own = 0; job.evenly ? own < job.turns / job.concurrency : state.left > 0; own += 1) {
        state.left -= 1;
        const sent = performance.now();
        const answer = await turn(conversation, index, job.stream);
        latencies.push(performance.now() - sent);
        if (answer.markedAt !== null) firstTokens.push(answer.markedAt - sent);
        if (!isGood(answer, job)) {
          state.bad += 1;
          state.firstBad ??= answer.text.slice(0, 600);
        }
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  return {
    turns: latencies.length,
    seconds,
    latencyMs: percentiles(latencies),
    firstTokenMs: job.stream ? percentiles(firstTokens) : null,
    bad: state.bad,
    firstBad: state.firstBad,
  };
}

async function turn(conversation: Conversation, index: number, stream: boolean): Promise<WireAnswer> {
  const message = messageText(index, conversation.turns);
  conversation.turns += 1;
  const body = { message, ...(conversation.id ? { sessionId: conversation.id } : {}), ...(stream ? { stream: true } : {}) };
  const answer = await conversation.client.post(JSON.stringify(body));
  conversation.id ??= /"sessionId":"([^"]+)"/.exec(answer.text)?.[1];
  return answer;
}

/** A stream's text is in pieces, so only its end is looked at: it carries the whole reply. */
function isGood(answer: WireAnswer, job: Job): boolean {
  return (
    answer.status === 200 &&
    answer.text.includes('"status":"completed"') &&
    answer.text.includes(job.expect) &&
    (!job.stream || answer.markedAt !== null)
  );
}

process.on('message', (message: { close?: string; job?: Job }) => {
  if (message.close !== undefined) {
    for (const [key, list] of targets) {
      if (!key.startsWith(`${message.close} `)) continue;
      for (const conversation of list) conversation.client.close();
      targets.delete(key);
    }
    process.send?.({ result: null });
  } else if (message.job) {
    run(message.job).then(
      (result) => process.send?.({ result }),
      (error: unknown) => process.send?.({ error: String(error) }),
    );
  }
});
process.on('disconnect', () => process.exit(0));
