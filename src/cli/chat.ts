import { randomUUID } from 'node:crypto';
import type { SessionView } from '../contract/session.ts';
import type { Status } from '../contract/status.ts';
import type { TurnAnswer } from '../contract/turn.ts';
import { askStatus, hangs, STATUS_MS_MAX } from './ask-status.ts';
import type { CommonFlags, Context } from './context.ts';
import { parseDuration } from './duration.ts';
import { CliError, EXIT, usageError } from './failure.ts';
import { answerError, CallFailed, call, callError, fetchBody } from './http-client.ts';
import { messageFrom } from './message-words.ts';
import { plainLine } from './plain.ts';
import { runnable } from './program-files.ts';
import { createReplyPrinter } from './reply-printer.ts';
import { createFinder, type Finder } from './target.ts';
import { followTurn, GRACE_MS, outcomeError, type TurnRequest } from './turn-client.ts';

export interface ChatFlags extends CommonFlags {
  session?: string;
  new?: boolean;
  model?: string;
  stream?: boolean;
  timeout?: string;
  failOnDegraded?: boolean;
}

const TIMEOUT_MS_MAX = 86_400_000;

/** One message, or a conversation when there is none and somebody sits at the terminal. */
export async function chat(context: Context, words: string[], flags: ChatFlags): Promise<number> {
  if (flags.new && flags.session !== undefined) throw usageError('--new and --session exclude each other.', 'holdfast chat --new "Hello!"');
  const timeoutMs = parseDuration(flags.timeout ?? '60s', '--timeout', `holdfast chat --timeout 60s "Hello!"`);
  if (timeoutMs < 1 || timeoutMs > TIMEOUT_MS_MAX)
    throw usageError('--timeout must be between 1ms and 24h.', 'holdfast chat --timeout 60s "Hello!"');
  const finder = createFinder(context);
  const ask: AskOptions = { finder, flags, timeoutMs };
  if (words.length === 0 && context.stdin.isTTY === true) {
    if (flags.json) throw usageError('--json needs a message.', 'holdfast chat --json "Hello!"');
    finder.target();
    const { converse } = await import('./conversation.ts');
    return converse(context, {
      sessionId: await chooseSession(ask),
      send: (message, sessionId) => sendOne(context, { ...ask, sessionId }, message),
    });
  }
  const message = await messageFrom(context, words);
  if (message.trim() === '') throw usageError('The message is empty.', 'holdfast chat "Hello!"');
  const sessionId = await chooseSession(ask);
  return sendOne(context, { ...ask, ...(sessionId === undefined ? {} : { sessionId }) }, message);
}

interface AskOptions {
  finder: Finder;
  flags: ChatFlags;
  timeoutMs: number;
  sessionId?: string | undefined;
}

/** `-s`, a new current session, or the agent's current one. Undefined: a key that may not know it starts a session of its own. */
async function chooseSession({ finder, flags, timeoutMs }: AskOptions): Promise<string | undefined> {
  if (flags.session !== undefined && flags.session !== 'current') return flags.session;
  const target = finder.target();
  const makeCurrent = async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const made = await fetchBody<SessionView>(target, { method: 'POST', path: '/v1/sessions', body: { current: true }, headers });
    return made.id;
  };
  if (flags.new) return makeCurrent();
  try {
    const limitMs = Math.min(STATUS_MS_MAX, timeoutMs + GRACE_MS);
    const answer = await call(target, { path: '/v1/status', timeoutMs: limitMs }).catch((error: unknown) => {
      throw error instanceof CallFailed && error.code === 'TIMEOUT' ? hangs(target, limitMs, error) : error;
    });
    if (answer.status === 403) return undefined;
    if (answer.status >= 400) throw answerError(target, answer);
    const { currentSession } = answer.body as Status;
    return currentSession?.id ?? (await makeCurrent());
  } catch (error) {
    throw error instanceof CallFailed ? callError(target, error) : error;
  }
}

async function sendOne(context: Context, { finder, flags, timeoutMs, sessionId }: AskOptions, message: string): Promise<number> {
  const { io, clock } = context;
  const isQuiet = flags.json === true;
  const request: TurnRequest = {
    message,
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(flags.model === undefined ? {} : { model: flags.model }),
    timeoutMs,
    stream: flags.stream !== false,
    idempotencyKey: randomUUID(),
  };
  if (io.err.isTerminal && !isQuiet)
    io.err.line(`🤖 Processing: ${plainLine(message, { terminal: true }, Math.max(20, io.err.columns - 16))}`);
  const printer = isQuiet ? undefined : createReplyPrinter(io, { stream: request.stream });
  const interrupt = new AbortController();
  const release = context.onInterrupt(() => interrupt.abort());
  const began = clock.monotonic();
  try {
    const outcome = await followTurn(
      { finder, clock, random: Math.random },
      request,
      (update) => {
        if (update.type === 'delta') printer?.delta(update.at, update.text);
        else if (update.type === 'restart') printer?.restart();
        else if (update.type === 'tool') printer?.note(`· using ${update.name}`);
        else if (update.type === 'reconnect') printer?.note('· no connection; trying again');
      },
      interrupt.signal,
    );
    if (outcome.kind !== 'ended') {
      printer?.abandon();
      throw await refusalError(finder, outcomeError(outcome, request));
    }
    const { turn } = outcome;
    if (isQuiet) io.out.line(JSON.stringify(turn));
    else if (turn.status !== 'cancelled') printer?.finish(turn);
    if (!isQuiet) printSummary(context, turn, (clock.monotonic() - began) / 1000);
    return exitOf(turn, flags);
  } finally {
    release();
  }
}

/** What the agent refuses in a message, with the way out that only it or we know. */
async function refusalError(finder: Finder, error: CliError): Promise<CliError> {
  const told = (more: string, fix: string) =>
    new CliError(`${error.message}${more}`, { exit: error.exit, fix, code: error.code, cause: error });
  if (error.code === 'payload_too_large' || /\bmessage: (too big|too long)/i.test(error.message))
    return told('', 'head -c 100000 message.txt | holdfast chat -   # or ask in several messages');
  if (/\bsessionId: /.test(error.message)) return told('', 'holdfast sessions list');
  if (!/\bmodel: /.test(error.message)) return error;
  const names = await askStatus(finder.target()).then(
    ({ models }) => models.map(({ name }) => name),
    () => [], // a key that may not ask: the form is still worth telling
  );
  const known = names.length === 0 ? '' : ` This agent can call: ${names.join(', ')}.`;
  const [first = 'provider/model'] = names;
  return told(
    ` A model is named provider/model, such as openai/gpt-5.${known}`,
    `holdfast chat -m ${first} "Hello!"   # another one needs its provider's key in .env, then: holdfast restart`,
  );
}

function exitOf(turn: TurnAnswer, flags: ChatFlags): number {
  if (turn.status === 'cancelled' || turn.status === 'failed') return EXIT.failed;
  return turn.degraded && flags.failOnDegraded ? EXIT.degraded : EXIT.done;
}

const REASONS: Partial<Record<NonNullable<TurnAnswer['reason']>, string>> = {
  model_unavailable: 'no model could answer',
  deadline: 'the answer did not come in time',
  queue_timeout: 'the message waited too long for its turn',
  incomplete: 'the model broke off in the middle of its answer',
  blocked: 'the model refused to answer for safety reasons',
  step_limit: 'the model used too many steps',
  middleware: 'a middleware of this agent failed',
  caller: 'on request',
  superseded: 'a newer message took its place',
};

/** On stderr: how it went, then the facts. */
function printSummary({ io: { err } }: Context, turn: TurnAnswer, seconds: number): void {
  const reason = turn.reason === undefined ? 'unknown reason' : `${REASONS[turn.reason] ?? 'see the reason'} (${turn.reason})`;
  if (turn.degraded) {
    err.line(`${err.paint('yellow', 'Degraded:')} ${reason}. Message stored; ask again later, or see: ${runnable('holdfast status')}`);
  } else if (turn.status === 'cancelled') err.line(`${err.paint('yellow', 'Cancelled:')} ${reason}.`);
  const model = turn.model === 'demo' ? 'demo (canned replies)' : (turn.model ?? 'no model');
  const tokens = `${turn.usage.inputTokens} + ${turn.usage.outputTokens} tokens`;
  err.line(err.paint('dim', [err.safe(model), `${seconds.toFixed(1)} s`, tokens, turn.sessionId].join(' · ')));
}
