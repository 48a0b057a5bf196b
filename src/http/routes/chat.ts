import type { Agent, RetrySubmission, Submission, TurnHandle } from '../../agent/agent.ts';
import type { ChatRequest, RetryRequest } from '../../contract/chat.ts';
import type { Call, HandlersOf, Reply } from '../call.ts';
import { idempotencyOf } from '../idempotency.ts';
import { presentOutcome, presentWaiting } from '../present-turn.ts';
import { header, type RequestView, wantsStream } from '../request-view.ts';
import { positionOf, type TurnStreams } from '../turn-streams.ts';
import { turnIdOf } from './turns.ts';

/** Routes that start a turn. JSON, stream and 202 differ only in how the same turn is shown. */
export function chatHandlers(agent: Agent, streams: TurnStreams): HandlersOf<'chat' | 'retryTurn'> {
  async function show(call: Call, handle: TurnHandle, wanted: Wanted): Promise<Reply> {
    if (wanted === 'stream') return streams.reply(call, handle);
    if (wanted === 'later') {
      const turn = await agent.view(handle.turnId, call.principal);
      if (turn) return presentWaiting(turn, { 'preference-applied': 'respond-async' });
    }
    return presentOutcome(handle.turnId, await handle.outcome(), call.body as RetryRequest);
  }

  return {
    async chat(call) {
      const wanted = wantedOf(call.view, call.body);
      const submission: Submission = { ...commonOf(call, wanted, call.body), ...textOf(call.body) };
      return show(call, await agent.submit(submission), wanted);
    },
    async retryTurn(call) {
      const turnId = turnIdOf(call);
      const wanted = wantedOf(call.view, call.body);
      // The turn is part of what the key stands for: two retries with one key must not meet.
      const submission = commonOf(call, wanted, { ...call.body, retryOf: turnId });
      return show(call, await agent.retry(turnId, submission), wanted);
    },
  };
}

type Wanted = 'stream' | 'later' | 'answer';

const LATER = /(?:^|,)\s*respond-async\s*(?:$|[,;])/i;

/** What the body says wins over what the headers prefer. */
function wantedOf(view: RequestView, body: { stream?: boolean | undefined }): Wanted {
  if (body.stream === true) {
    positionOf(view);
    return 'stream';
  }
  if (LATER.test(header(view, 'prefer') ?? '')) return 'later';
  if (body.stream === undefined && wantsStream(view)) {
    positionOf(view);
    return 'stream';
  }
  return 'answer';
}

function commonOf(call: Call<RetryRequest>, wanted: Wanted, keyed: Record<string, unknown>): RetrySubmission {
  const { principal, requestId, arrivedAt, view, body } = call;
  const { model, deadlineMs, onUnavailable } = body;
  const idempotency = idempotencyOf(view, keyed);
  return { principal, requestId, arrivedAt, stream: wanted === 'stream', model, deadlineMs, onUnavailable, idempotency };
}

const textOf = ({ message, sessionId, user, metadata, whileBusy }: ChatRequest) => ({ message, sessionId, user, metadata, whileBusy });
