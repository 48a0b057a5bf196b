// Turns that a dead process left open.
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { TurnReason } from '../contract/turn.ts';
import type { Store, StoredTurn } from '../store/store.ts';

const RECOVERIES_MAX = 3;

interface RecoverParts {
  store: Store;
  clock: Clock;
  log: Logger;
  turnExpiryMs: number;
}

/** Takes over every open turn, ends those that are too old or failed too often, and hands the others on, oldest first. */
export async function recoverOpenTurns(parts: RecoverParts, run: (turn: StoredTurn) => void): Promise<void> {
  const open = await parts.store.turns.open();
  const reopened = await Promise.allSettled(open.map((turn) => parts.store.turns.reopen(turn)));
  for (const [index, outcome] of reopened.entries()) {
    const before = open[index];
    if (outcome.status === 'rejected') {
      parts.log.error('turn.recover_failed', { turnId: before?.id, sessionId: before?.sessionId, error: outcome.reason });
      continue;
    }
    const turn = outcome.value;
    const reason = endReason(parts, turn);
    parts.log.info('turn.recover', { turnId: turn.id, sessionId: turn.sessionId, attempt: turn.attempt, reason });
    if (reason) await end(parts, turn, reason);
    else run(turn);
  }
}

function endReason({ clock, turnExpiryMs }: RecoverParts, turn: StoredTurn): TurnReason | undefined {
  if (turn.recoveries > RECOVERIES_MAX) return 'recovery_exhausted';
  return clock.now() - turn.createdAt > turnExpiryMs ? 'expired' : undefined;
}

async function end({ store, clock, log }: RecoverParts, turn: StoredTurn, reason: TurnReason): Promise<void> {
  const record = {
    turnId: turn.id,
    sessionId: turn.sessionId,
    principal: turn.principal,
    requestId: turn.requestId,
    status: 'failed' as const,
    reason,
    attempt: turn.attempt,
    model: null,
    usage: turn.usage,
    queueMs: 0,
    firstTokenMs: null,
    totalMs: Math.max(0, clock.now() - turn.createdAt),
    steps: [],
  };
  try {
    await store.turns.commit({ turn, status: 'failed', reason, reply: [], incomplete: false, record });
  } catch (error) {
    log.error('turn.recover_failed', { turnId: turn.id, sessionId: turn.sessionId, error });
  }
}
