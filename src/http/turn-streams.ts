import type { TurnHandle } from '../agent/agent.ts';
import { problemOf } from '../agent/problem-of.ts';
import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { type Position, parsePosition, START } from '../contract/events.ts';
import type { Call, Reply } from './call.ts';
import type { EventStreams } from './event-stream.ts';
import { SSE_HEADERS } from './headers.ts';
import { asAppError } from './problem.ts';
import { dropPeer, header, headerCount, type RequestView } from './request-view.ts';
import { eventText, turnSource } from './turn-frames.ts';

export interface TurnStreams {
  reply(call: Call, handle: TurnHandle): Reply;
}

const badPlace = new AppError('invalid_request', { sentence: 'Last-Event-ID is not an id of this kind of stream.' });

/** Where the reader stands. Throws for an id we never gave out. */
export function positionOf(view: RequestView): Position {
  const sent = header(view, 'last-event-id');
  if (sent === undefined || sent === '') return START;
  const position = headerCount(view, 'last-event-id') === 1 ? parsePosition(sent) : undefined;
  if (!position) throw badPlace;
  return position;
}

/** Answers that are a turn's events. Closing one closes the reader's cursor and leaves the turn alone. */
export function createTurnStreams({ log, events }: { log: Logger; events: EventStreams }): TurnStreams {
  return {
    reply({ view, requestId, caller }, handle) {
      const body = events.open(turnSource(handle.events(positionOf(view))), {
        onError(thrown) {
          const error = asAppError(thrown);
          log.error('stream.failed', { requestId, turnId: handle.turnId, code: error.code, error: thrown });
          const { code, details } = error;
          return eventText({ type: 'error', problem: problemOf(new AppError(code, { ...details, turnId: handle.turnId }), requestId) });
        },
        drop: () => dropPeer(view),
        caller,
      });
      return { status: 200, headers: SSE_HEADERS, body };
    },
  };
}
