import type { LiveEvent } from '../contract/live.ts';
import type { TurnRecord } from '../contract/turn.ts';

/** The record of a turn as the live feed tells it: of one size, whatever the turn did. */
export function turnEnded(record: TurnRecord): LiveEvent {
  const { steps, ...rest } = record;
  let modelCalls = 0;
  let toolCalls = 0;
  for (const step of steps) {
    if (step.kind === 'model') modelCalls += step.attempts.length;
    else toolCalls += 1;
  }
  return { type: 'turn.ended', ...rest, modelCalls, toolCalls };
}
