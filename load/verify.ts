// After the run: is what we were answered what the agent says it accepted? Every message under its key, every turn of our sessions.
import { setTimeout as wait } from 'node:timers/promises';
import { type Answer, call, inParallel, type Target } from './api.ts';
import { type Answered, answeredBy, type Ledger, type Sent, settle } from './ledger.ts';

export interface Verification {
  /** Distinct Idempotency-Keys that were sent. */
  sent: number;
  answered: number;
  /** Answered with a refusal before anything was stored, or never delivered. */
  refused: number;
  /** Without an answer at first (cut off, timed out, connection lost) and answered when asked again under the same key. */
  askedAgain: number;
  /** Still without an answer after that. */
  unknown: number;
  /** Turns the agent has in the sessions of this run. */
  stored: number;
  /** We were answered, and the agent does not have the turn. */
  lost: number;
  /** The agent has a turn that belongs to no message, or to a message that has another one. */
  doubled: number;
  /** The agent has another status or reply than the one we were given. */
  different: number;
  /** Answered keys that were sent once more, and of those, how many did not give the same turn. */
  replayed: number;
  replayedWrong: number;
  /** The whole agent's own count over the run, where the key may see it; more than ours when others use the agent. */
  serverAccepted: number | null;
  holds: boolean;
}

const REPLAYS = 50;
const ASK_AGAIN_MS_MAX = 60_000;
const AT_ONCE = 8;
const PAGE = 200;

export interface Checked {
  target: Target;
  ledger: Ledger;
  sessions: readonly string[];
}

export async function verify(given: Checked, acceptedDuringRun: () => Promise<number | null>): Promise<Verification> {
  const { target, ledger, sessions } = given;
  const entries = [...ledger.sent.values()];
  const open = entries.filter((entry) => !entry.answer && !entry.isRefused);
  await inParallel(open, AT_ONCE, (entry) => askAgain(target, entry));
  const answered = entries.filter((entry): entry is Sent & { answer: Answered } => entry.answer !== undefined);
  const replay = await replayed(target, answered);
  const serverAccepted = await acceptedDuringRun();
  const stored = await storedTurns(target, sessions);
  const ours = new Map<string, Answered>();
  let doubled = 0;
  for (const { answer } of answered) {
    // Two keys that were given one turn.
    if (ours.has(answer.turnId)) doubled += 1;
    ours.set(answer.turnId, answer);
  }
  const lost = [...ours.keys()].filter((turnId) => !stored.has(turnId)).length;
  // A message whose outcome is not known may well be stored: it excuses one turn.
  const unknown = open.filter((entry) => !entry.answer && !entry.isRefused).length;
  const strangers = [...stored.keys()].filter((turnId) => !ours.has(turnId)).length;
  doubled += Math.max(0, strangers - unknown);
  const different = [...ours].filter(([turnId, answer]) => {
    const turn = stored.get(turnId);
    return turn !== undefined && (turn.status !== answer.status || turn.replyDigest !== answer.replyDigest);
  }).length;
  const missing = serverAccepted !== null && serverAccepted < ours.size;
  return {
    sent: entries.length,
    answered: answered.length,
    refused: entries.filter((entry) => entry.isRefused && !entry.answer).length,
    askedAgain: open.filter((entry) => entry.answer).length,
    unknown,
    stored: stored.size,
    lost,
    doubled,
    different,
    replayed: replay.count,
    replayedWrong: replay.wrong,
    serverAccepted,
    holds: lost === 0 && doubled === 0 && different === 0 && replay.wrong === 0 && unknown === 0 && !missing,
  };
}

/** The same key again is the same turn, however often. */
async function askAgain(target: Target, entry: Sent): Promise<void> {
  const until = performance.now() + ASK_AGAIN_MS_MAX;
  do {
    const answer = await send(target, entry);
    if (answer) {
      settle(entry, answer.status, answer.text);
      // A refusal now does not say what became of the first time.
      delete entry.isRefused;
      if (entry.answer || answer.status === 500) return;
    }
    await wait(250);
  } while (performance.now() < until);
}

const send = (target: Target, { key, body }: Sent): Promise<Answer<unknown> | undefined> =>
  call(target, 'POST', '/v1/chat', { key, body: withoutStream(body) }).catch(() => undefined);

/** Whether it is streamed is not part of what a key stands for. */
const withoutStream = (body: string) => JSON.stringify({ ...(JSON.parse(body) as object), stream: undefined });

async function replayed(target: Target, answered: readonly (Sent & { answer: Answered })[]): Promise<{ count: number; wrong: number }> {
  const every = Math.max(1, Math.floor(answered.length / REPLAYS));
  const chosen = answered.filter((_, index) => index % every === 0).slice(0, REPLAYS);
  let wrong = 0;
  await inParallel(chosen, AT_ONCE, async (entry) => {
    const copy: Sent = { key: entry.key, body: entry.body, kind: entry.kind };
    const answer = await send(target, copy);
    if (answer) settle(copy, answer.status, answer.text);
    if (copy.answer?.turnId !== entry.answer.turnId || copy.answer.replyDigest !== entry.answer.replyDigest) wrong += 1;
  });
  return { count: chosen.length, wrong };
}

interface TurnPage {
  data: { turnId: string; status: string; degraded: boolean; reply: string | null }[];
  nextCursor: string | null;
}

async function storedTurns(target: Target, sessions: readonly string[]): Promise<Map<string, Answered>> {
  const found = new Map<string, Answered>();
  await inParallel(sessions, AT_ONCE, async (sessionId) => {
    let cursor: string | null = null;
    do {
      const more: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const { status, body } = await call<TurnPage>(target, 'GET', `/v1/turns?sessionId=${sessionId}&limit=${PAGE}${more}`);
      if (status !== 200) throw new Error(`GET /v1/turns was answered with ${status}`);
      for (const turn of body.data) found.set(turn.turnId, answeredBy(turn));
      cursor = body.nextCursor;
    } while (cursor !== null);
  });
  return found;
}
