// Asks an agent once a day and posts its answer to a webhook, never twice.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, type Turn } from 'holdfast/client';

export interface ReporterParts {
  agent: { url: string; apiKey: string };
  webhookUrl: string;
  question: string;
  /** Holds one small file for each day that was reported. */
  stateFolder: string;
  now(): Date;
}

/** A timer may try again after all but `unknown`, which a person must look at. */
export type Outcome = 'posted' | 'already' | 'degraded' | 'refused' | 'unknown';
export const EXIT_OF: Record<Outcome, number> = { posted: 0, already: 0, degraded: 6, refused: 1, unknown: 1 };

const POST_MS_MAX = 30_000;
const ASK_MS_MAX = 120_000;

/**
 * Never posts twice for a day, not even when two run at once. The question has one key a day, so a second run gets the first run's answer. The
 * day is taken before the post is sent: when nobody can know whether it arrived, it stays taken; when it certainly did not, it is given back.
 */
export async function report(parts: ReporterParts): Promise<Outcome> {
  const day = dayOf(parts.now());
  const file = join(parts.stateFolder, day);
  const before = readState(file);
  if (before !== undefined) return before === 'posted' ? 'already' : 'unknown';
  const turn = await ask(parts, day);
  if (turn.degraded || turn.reply === null) return 'degraded';
  if (!take(file)) return 'already';
  const arrived = await post(parts.webhookUrl, day, turn.reply);
  if (arrived === 'posted') writeFileSync(file, 'posted', { flush: true });
  if (arrived === 'refused') rmSync(file);
  return arrived;
}

async function ask({ agent, question }: ReporterParts, day: string): Promise<Turn> {
  const client = createClient(agent);
  const options = { signal: AbortSignal.timeout(ASK_MS_MAX) };
  const key = `daily-report:${day}`;
  const turn = await client.chat({ body: { message: `${question}\n\nToday is ${day}.` } }, { ...options, idempotencyKey: key });
  if (!turn.degraded) return turn;
  // The key stands for the degraded turn from now on; the same question again is a retry of it.
  return client.retryTurn({ id: turn.turnId }, options);
}

/** Slack, Mattermost, Discord (`/slack`) and Teams workflows take `{text}`. A receiver that knows the key can tell a repetition. */
async function post(url: string, day: string, text: string): Promise<'posted' | 'refused' | 'unknown'> {
  try {
    const { status } = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': `daily-report:${day}` },
      body: JSON.stringify({ text: `Report for ${day}\n\n${text}` }),
      signal: AbortSignal.timeout(POST_MS_MAX),
    });
    return status < 300 ? 'posted' : 'refused';
  } catch (error) {
    const code = error instanceof Error && error.cause instanceof Error && 'code' in error.cause ? error.cause.code : undefined;
    return code === 'ECONNREFUSED' || code === 'ENOTFOUND' ? 'refused' : 'unknown';
  }
}

/** In the time zone of the process (TZ): the day people mean. */
export function dayOf(now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}

/** Milliseconds to the next `HH:MM`, by the local clock; a day that changes its clock is as long as it is. */
export function untilNext(at: string, now: Date): number {
  const [hour = 0, minute = 0] = at.split(':').map(Number);
  const next = new Date(now.getFullYear(), now.getMonth(), now.getDate(), hour, minute);
  if (next <= now) next.setDate(next.getDate() + 1);
  return next.getTime() - now.getTime();
}

function readState(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** False when another run has taken the day meanwhile: only one can make the file. */
function take(file: string): boolean {
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, 'posting', { flag: 'wx', flush: true, mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
