// An agent without models and disk: it answers every message by a script. A real implementation of the interface, for tests of protocols.
import type { Agent, Outcome, RetrySubmission, Submission, TurnHandle } from '../../src/agent/agent.ts';
import { presentOpen, presentTurn } from '../../src/agent/answer.ts';
import { createFeed, type Feed, storedCursor } from '../../src/agent/feed.ts';
import { problemOf } from '../../src/agent/problem-of.ts';
import { AppError } from '../../src/base/errors.ts';
import type { Ids } from '../../src/base/ids.ts';
import type { TerminalStatus, TurnAnswer, TurnReason } from '../../src/contract/turn.ts';
import type { Principal, StoredTurn } from '../../src/store/store.ts';
import type { MemoryStore } from './memory-store.ts';

/** How one turn goes. Without any of it: completed, with the message echoed. */
export interface Script {
  deltas?: string[];
  status?: TerminalStatus;
  reason?: TurnReason;
  incomplete?: boolean;
  /** The turn stays open until this resolves. */
  hold?: Promise<void>;
  /** The outcome cannot be stored: the turn stays open. */
  commitError?: AppError;
  /** The turn is left as a drain leaves it. */
  left?: boolean;
}

interface Run {
  turn: StoredTurn;
  feed: Feed;
  answer?: TurnAnswer;
  outcome: Promise<Outcome>;
  cancel(): void;
}

export interface MemoryAgent extends Agent {
  readonly submissions: Submission[];
  feed(turnId: string): Feed;
}

export interface MemoryAgentParts {
  store: MemoryStore;
  ids: Ids;
  script?: (message: string, submission: RetrySubmission) => Script;
  /** Thrown by `submit` instead of accepting. */
  refuse?: () => AppError | undefined;
}

export function createMemoryAgent(parts: MemoryAgentParts): MemoryAgent {
  const { store, ids, script = () => ({}), refuse } = parts;
  const runs = new Map<string, Run>();
  const messages = new Map<string, string>();
  const keys = new Map<string, { turnId: string; body: string }>();
  const submissions: Submission[] = [];
  const counts = { accepted: 0, completed: 0, degraded: 0, failed: 0, cancelled: 0 };

  const mine = (turnId: string, principal: Principal) => {
    const run = runs.get(turnId);
    return run && (principal.role === 'admin' || run.turn.principal === principal.id) ? run : undefined;
  };

  function accept(submission: RetrySubmission, message: string, sessionId: string, retryOf?: string): TurnHandle {
    const turn = turnRow(ids.make('trn'), sessionId, submission, retryOf);
    store.turnRows.set(turn.id, turn);
    messages.set(turn.id, message);
    counts.accepted++;
    const run = begin(turn, message, script(message, submission));
    runs.set(turn.id, run);
    if (submission.idempotency) keys.set(keyOf(submission), { turnId: turn.id, body: submission.idempotency.body });
    return handleOf(run);
  }

  function begin(turn: StoredTurn, message: string, plan: Script): Run {
    const feed = createFeed(turn.id, turn.sessionId, turn.attempt);
    let cancelled = () => {};
    const cancel = new Promise<'cancelled'>((resolve) => {
      cancelled = () => resolve('cancelled');
    });
    const run: Run = {
      turn,
      feed,
      outcome: Promise.resolve({ kind: 'open', turn: presentOpen(turn, 'running'), draining: true }),
      cancel: cancelled,
    };
    for (const delta of plan.deltas ?? [`echo: ${message}`]) feed.push(delta);
    if (plan.left) {
      feed.leave();
      return run;
    }
    if (!plan.hold) {
      run.outcome = Promise.resolve(finish(run, plan));
      return run;
    }
    run.outcome = Promise.race([plan.hold, cancel]).then((how) =>
      finish(run, how === 'cancelled' ? { status: 'cancelled', reason: 'caller' } : plan),
    );
    return run;
  }

  function finish(run: Run, plan: Script): Outcome {
    const { turn, feed } = run;
    if (plan.commitError) {
      feed.fail(problemOf(plan.commitError, turn.requestId));
      return { kind: 'error', error: plan.commitError };
    }
    turn.status = plan.status ?? 'completed';
    turn.reason = plan.reason;
    turn.completedAt = Date.now();
    turn.model = turn.status === 'completed' ? 'memory' : null;
    counts[turn.status as TerminalStatus]++;
    const fallback = turn.status === 'degraded' ? 'Sorry, no model could answer.' : null;
    run.answer = presentTurn(turn, { reply: feed.text(), incomplete: plan.incomplete ?? false, fallback });
    store.turnRows.set(turn.id, turn);
    feed.end(run.answer);
    return { kind: 'ended', turn: run.answer };
  }

  const handleOf = (run: Run): TurnHandle => ({
    turnId: run.turn.id,
    sessionId: run.turn.sessionId,
    outcome: () => run.outcome,
    events: (from) =>
      run.answer && run.answer.status !== 'cancelled' && from.offset === 0
        ? storedCursor(run.answer, run.turn.attempt, from)
        : run.feed.cursor(from),
  });

  function known(submission: RetrySubmission): TurnHandle | undefined {
    const before = submission.idempotency && keys.get(keyOf(submission));
    if (!before) return undefined;
    if (before.body !== submission.idempotency?.body) throw new AppError('idempotency_mismatch');
    const run = runs.get(before.turnId);
    return run && handleOf(run);
  }

  const assertAccepting = () => {
    const error = refuse?.();
    if (error) throw error;
  };

  return {
    submissions,
    feed(turnId) {
      const run = runs.get(turnId);
      if (!run) throw new Error('no such turn');
      return run.feed;
    },
    async submit(submission) {
      submissions.push(submission);
      assertAccepting();
      const same = known(submission);
      if (same) return same;
      const { principal, requestId, message, user, metadata } = submission;
      const sessionId = submission.sessionId ?? ids.make('ses');
      const session = store.sessionRows.get(sessionId);
      if (submission.sessionId && (!session || (principal.role !== 'admin' && session.principal !== principal.id)))
        throw new AppError('not_found');
      if (!session) await store.sessions.create({ id: sessionId, principal, requestId, user, metadata });
      return accept(submission, message, sessionId);
    },
    async retry(turnId, submission) {
      assertAccepting();
      const same = known(submission);
      if (same) return same;
      const run = mine(turnId, submission.principal);
      if (!run) throw new AppError('not_found');
      if (!run.answer || run.answer.status === 'completed') throw new AppError('conflict');
      return accept(submission, messages.get(turnId) ?? '', run.turn.sessionId, turnId);
    },
    async find(turnId, principal) {
      const run = mine(turnId, principal);
      return run && handleOf(run);
    },
    async view(turnId, principal) {
      const run = mine(turnId, principal);
      return run && (run.answer ?? presentOpen(run.turn, 'running', 'model'));
    },
    async trace(turnId, principal) {
      const run = mine(turnId, principal);
      return run && { turn: run.turn, trace: { queueMs: null, firstTokenMs: null, totalMs: null, steps: [] } };
    },
    async cancel(turnId, principal) {
      const run = mine(turnId, principal);
      run?.cancel();
      await run?.outcome;
      return run?.answer;
    },
    async erase(sessionId, principal, requestId) {
      const session = store.sessionRows.get(sessionId);
      if (!session || (principal.role !== 'admin' && session.principal !== principal.id)) return false;
      await store.sessions.erase(sessionId, { principal, requestId });
      return true;
    },
    figures: () => ({
      ...counts,
      open: counts.accepted - counts.completed - counts.degraded - counts.failed - counts.cancelled,
      oldestOpenMs: null,
      perMinute: 0,
      latencyMs: null,
      sessionRestored: false,
      drained: 0,
    }),
    start: async () => undefined,
    stop: async () => undefined,
  };
}

const keyOf = (submission: RetrySubmission) => `${submission.principal.id}\n${submission.idempotency?.key}`;

const turnRow = (id: string, sessionId: string, { principal, requestId }: RetrySubmission, retryOf?: string): StoredTurn => ({
  ...{ id, sessionId, requestId, no: 1, anchor: 1, status: 'running', attempt: 1, recoveries: 0, retryOf },
  tenant: principal.tenant,
  principal: principal.id,
  options: { deadlineMs: 60_000, onUnavailable: 'fallback' },
  model: null,
  usage: { inputTokens: 1, outputTokens: 1 },
  createdAt: Date.now(),
  completedAt: null,
});
