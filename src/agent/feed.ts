// The live events of one turn. Readers hold only a place in it, so nothing is queued per reader.

import { type Position, START, type TurnEvent } from '../contract/events.ts';
import type { Problem } from '../contract/problem.ts';
import type { TurnAnswer } from '../contract/turn.ts';
import type { PlacedEvent, TurnCursor } from './agent.ts';

type ToolEvent = Extract<TurnEvent, { type: 'tool.start' | 'tool.end' }>;

interface AttemptStory {
  /** Pieces of text with the offset of each one's first character. */
  pieces: { at: number; text: string }[];
  length: number;
  /** Tool events with the text offset at which each happened. */
  tools: { offset: number; event: ToolEvent }[];
}

/** Most text a reader is handed at once, in UTF-16 units: one that fell behind catches up piece by piece, and holds no copy of the rest. */
const PIECE_UNITS_MAX = 65_536;

/** Most readers of one turn; further ones are told that the story is over and find the stored turn later. */
const READERS_MAX = 1_000;

export interface Feed {
  readonly attempt: number;
  /** The text of the present attempt. */
  text(): string;
  length(): number;
  push(text: string): void;
  tool(event: ToolEvent): void;
  /** A new attempt: readers drop what they have; `kept` is the text of steps that are already durable. */
  restart(attempt: number, kept: string): void;
  end(turn: TurnAnswer): void;
  fail(problem: Problem): void;
  /** Ends the story without a last event: the turn stays resumable. */
  leave(): void;
  cursor(from: Position): TurnCursor;
}

export function createFeed(turnId: string, sessionId: string, firstAttempt: number): Feed {
  let attempt = firstAttempt;
  let story: AttemptStory = { pieces: [], length: 0, tools: [] };
  let last: TurnEvent | undefined;
  let over = false;
  const waiting = new Set<() => void>();

  const wake = () => {
    for (const go of waiting) go();
    waiting.clear();
  };
  const close = (event?: TurnEvent) => {
    if (over) return;
    last = event;
    over = true;
    wake();
  };
  const push = (text: string) => {
    if (text === '' || over) return;
    story.pieces.push({ at: story.length, text });
    story.length += text.length;
    wake();
  };

  /** What comes after the reader's place, moving the place along; `behind` when there is more of it. */
  function take(place: Position): Taken {
    const events: PlacedEvent[] = [];
    const put = (event: TurnEvent) => events.push({ event, at: { ...place } });
    if (place.attempt !== attempt) {
      const first = place.attempt === START.attempt;
      Object.assign(place, { attempt, step: 0, offset: 0 });
      put(first ? { type: 'turn.start', turnId, sessionId, attempt } : { type: 'turn.restart', attempt });
    }
    for (const { offset, event } of story.tools.slice(place.step)) {
      if (!putText(place, offset, put)) return { events, behind: true };
      place.step += 1;
      put(event);
    }
    return { events, behind: !putText(place, story.length, put) };
  }

  /** False when a piece was not enough to get there. */
  function putText(place: Position, until: number, put: (event: TurnEvent) => void): boolean {
    if (place.offset >= until) return true;
    const at = place.offset;
    let text = slice(story.pieces, at, Math.min(until, at + PIECE_UNITS_MAX));
    // Never inside a surrogate pair.
    if (at + text.length < until && /[\ud800-\udbff]$/.test(text)) text = text.slice(0, -1);
    place.offset = at + text.length;
    put({ type: 'text.delta', at, text });
    return place.offset === until;
  }

  return {
    get attempt() {
      return attempt;
    },
    text: () => slice(story.pieces, 0, story.length),
    length: () => story.length,
    push,
    tool(event) {
      if (over) return;
      story.tools.push({ offset: story.length, event });
      wake();
    },
    restart(next, kept) {
      attempt = next;
      story = { pieces: [], length: 0, tools: [] };
      push(kept);
      wake();
    },
    end: (turn) => close({ type: 'turn.end', turn }),
    fail: (problem) => close({ type: 'error', problem }),
    leave: () => close(),
    cursor: (from) => createCursor({ ...from }, { take, over: () => over, last: () => last, waiting }),
  };
}

interface Taken {
  events: PlacedEvent[];
  behind: boolean;
}

interface Source {
  take(place: Position): Taken;
  over(): boolean;
  last(): TurnEvent | undefined;
  waiting: Set<() => void>;
}

function createCursor(place: Position, source: Source): TurnCursor {
  let done = source.waiting.size >= READERS_MAX;
  let parked: (() => void) | undefined;
  return {
    async next() {
      for (;;) {
        if (done) return [];
        const { events, behind } = source.take(place);
        if (behind) return events;
        if (source.over()) {
          done = true;
          const last = source.last();
          if (last) events.push({ event: last, at: { ...place } });
          return events;
        }
        if (events.length > 0) return events;
        await new Promise<void>((resolve) => {
          parked = resolve;
          source.waiting.add(resolve);
        });
      }
    },
    close() {
      done = true;
      if (!parked) return;
      source.waiting.delete(parked);
      parked();
    },
  };
}

/** Text between two offsets. Readers mostly want the tail, so the search for the first piece starts at the end. */
function slice(pieces: AttemptStory['pieces'], from: number, until: number): string {
  let first = pieces.length - 1;
  while (first > 0 && (pieces[first]?.at ?? 0) > from) first -= 1;
  let text = '';
  for (let index = Math.max(0, first); index < pieces.length; index += 1) {
    const piece = pieces[index];
    if (!piece || piece.at >= until) break;
    const start = Math.max(0, from - piece.at);
    const end = Math.min(piece.text.length, until - piece.at);
    text += start === 0 && end === piece.text.length ? piece.text : piece.text.slice(start, end);
  }
  return text;
}

/** The events of a turn that is stored: its text from the reader's place on, then the end. */
export function storedCursor(turn: TurnAnswer, attempt: number, from: Position): TurnCursor {
  const events: PlacedEvent[] = [];
  const text = turn.status === 'failed' ? '' : turn.degraded && !turn.incomplete ? '' : (turn.reply ?? '');
  const place = { ...from };
  if (from.attempt !== attempt) {
    Object.assign(place, { attempt, step: 0, offset: 0 });
    const start: TurnEvent = { type: 'turn.start', turnId: turn.turnId, sessionId: turn.sessionId, attempt };
    events.push({ event: from.attempt === START.attempt ? start : { type: 'turn.restart', attempt }, at: { ...place } });
  }
  if (place.offset < text.length) {
    const at = place.offset;
    place.offset = text.length;
    events.push({ event: { type: 'text.delta', at, text: text.slice(at) }, at: { ...place } });
  }
  events.push({ event: { type: 'turn.end', turn }, at: { ...place } });
  return { next: async () => events.splice(0), close: () => void events.splice(0) };
}
