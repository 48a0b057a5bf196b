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
  /** A stream transform threw or gave something that is no text: what it held back must not come out. */
  broken(): boolean;
}

/** The voice of one model step. With an `onReply` point and no transform it keeps silent: the text is released later, whole. */
export function createVoice(live: LiveTurn, points: Points, clock: Clock): Voice {
  let spoken = '';
  let broken = false;
  /** Runs the author's code; its failure is this step's, not the model's. */
  const guarded = <T>(work: () => T, otherwise: T): T => {
    if (broken) return otherwise;
    try {
      return work();
    } catch (error) {
      broken = true;
      points.onBroken('transformStream', error);
      return otherwise;
    }
  };
  const transforms = guarded(() => points.transforms(), []);
  const passThrough = (text: string, through: typeof transforms) =>
    guarded(() => through.reduce((passed, transform) => textOnly(transform.push(passed)), text), '');
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
      release(transforms.length === 0 && !broken ? text : passThrough(text, transforms));
    },
    finish() {
      // Each one's end passes through those after it.
      for (const [index, transform] of transforms.entries()) {
        release(
          passThrough(
            guarded(() => textOnly(transform.end()), ''),
            transforms.slice(index + 1),
          ),
        );
      }
      return spoken;
    },
    said: () => (points.streams ? spoken : ''),
    broken: () => broken,
  };
}

function textOnly(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('a stream transform must return text');
  return value;
}
