// Text on its way from the model to the readers of a turn, through the author's stream transforms.
import type { Clock } from '../base/clock.ts';
import { STEP_GAP } from '../contract/message.ts';
import type { LiveTurn } from './live-turn.ts';
import type { Points } from './middleware.ts';

export interface Voice {
  /** One piece of model text. */
  say(text: string): void;
  /** The step is over: what transforms held back comes out. Returns the step's whole text as readers have it. */
  finish(): string;
  /** What was said so far; empty while text is held back for `onReply`. */
  said(): string;
}

/** The voice of one model step. With an `onReply` point and no transform it keeps silent: the text is released later, whole. */
export function createVoice(live: LiveTurn, points: Points, clock: Clock): Voice {
  const transforms = points.transforms();
  let spoken = '';
  const release = (text: string) => {
    if (text === '') return;
    if (points.streams) {
      if (spoken === '' && live.feed.length() > 0) live.feed.push(STEP_GAP);
      live.feed.push(text);
    }
    spoken += text;
  };
  return {
    say(text) {
      live.firstTokenAt ??= clock.monotonic();
      release(transforms.reduce((passed, transform) => transform.push(passed), text));
    },
    finish() {
      let held = '';
      for (const transform of transforms) held = (held === '' ? '' : transform.push(held)) + transform.end();
      release(held);
      return spoken;
    },
    said: () => (points.streams ? spoken : ''),
  };
}
