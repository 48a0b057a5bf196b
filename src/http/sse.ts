import type { PlacedEvent, TurnCursor } from '../agent/agent.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { eventBody, formatPosition, type Position, type TurnEvent } from '../contract/events.ts';
import type { HttpLimits } from './limits.ts';

interface StreamParts {
  clock: Clock;
  limits: Pick<HttpLimits, 'heartbeatMs' | 'streamStallMs' | 'streamPieceUnits'>;
}

export interface StreamReader {
  /** The last event of a stream whose cursor failed: the turn itself is unharmed. */
  onError(error: unknown): TurnEvent;
  /** Cuts the connection of a reader that takes nothing. */
  drop(): void;
}

/** The streams under way, so that a stop can end them. */
export interface EventStreams {
  /** A turn's events as server-sent events. Nothing is read from the cursor before the socket takes what came before. */
  open(cursor: TurnCursor, reader: StreamReader): ReadableStream<Uint8Array>;
  /** Ends every stream after the event it is at. Readers can resume. */
  endAll(): void;
  readonly size: number;
}

export function createEventStreams(parts: StreamParts): EventStreams {
  const live = new Set<{ end(): void }>();
  return {
    open(cursor, reader) {
      const stream = openStream(cursor, { ...parts, reader }, () => live.delete(stream));
      live.add(stream);
      return stream.body;
    },
    endAll() {
      for (const stream of live) stream.end();
    },
    get size() {
      return live.size;
    },
  };
}

const HEARTBEAT = Buffer.from(': keep-alive\n\n');

function openStream(cursor: TurnCursor, parts: StreamParts & { reader: StreamReader }, onGone: () => void) {
  const { clock, limits, reader } = parts;
  /** Events taken from the cursor and not yet sent. */
  const held: PlacedEvent[] = [];
  let farewell = '';
  let over = false;
  let gone = false;
  /** Set while the socket waits for something to send. */
  let wake: (() => void) | undefined;
  let asking = false;
  let idleSince = clock.monotonic();
  let beat = false;
  let timer: Timer | undefined;

  /** Must not reject. */
  async function ask(): Promise<void> {
    asking = true;
    try {
      held.push(...(await cursor.next()));
      over ||= held.length === 0 || isLast(held.at(-1));
    } catch (error) {
      over = true;
      // Without an id: the reader resumes from where it stood.
      if (!gone) farewell = eventText(reader.onError(error));
    }
    asking = false;
    wake?.();
  }

  /** One timer per stream and period, not per event: it finds a waiting socket (heartbeat) or one that takes nothing (stalled). */
  function tick(): void {
    const idleMs = clock.monotonic() - idleSince;
    if (wake) {
      // A third is left for the next tick, so a reader never waits longer than `heartbeatMs`.
      beat = idleMs >= (limits.heartbeatMs * 2) / 3;
      if (beat) wake();
    } else if (idleMs >= limits.streamStallMs) {
      release();
      reader.drop();
      return;
    }
    timer = clock.after(limits.heartbeatMs / 3, tick);
  }

  function release(): void {
    if (gone) return;
    gone = true;
    timer?.cancel();
    cursor.close();
    wake?.();
    onGone();
  }

  const body = new ReadableStream<Uint8Array>(
    {
      start() {
        timer = clock.after(limits.heartbeatMs / 3, tick);
      },
      async pull(given) {
        idleSince = clock.monotonic();
        if (held.length === 0 && !over) {
          if (!asking) void ask();
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          wake = undefined;
          idleSince = clock.monotonic();
        }
        if (gone) return;
        const piece = takePiece(held, limits.streamPieceUnits) || farewell;
        if (piece !== '') given.enqueue(Buffer.from(piece));
        else if (beat && !over) given.enqueue(HEARTBEAT);
        beat = false;
        if (over && held.length === 0) {
          release();
          given.close();
        }
      },
      cancel: release,
    },
    { highWaterMark: 0 },
  );

  return {
    body,
    end() {
      over = true;
      wake?.();
    },
  };
}

/**
 * Takes the next piece of text off the events: small events together, a long delta cut, so that one write hands a socket about `unitsMax` and
 * nothing is rendered before it is sent.
 */
function takePiece(events: PlacedEvent[], unitsMax: number): string {
  let piece = '';
  for (let placed = events.shift(); placed; placed = events.shift()) {
    const [first, rest] = cutDelta(placed, unitsMax);
    if (rest) events.unshift(rest);
    piece += eventText(first.event, first.at);
    if (piece.length >= unitsMax) break;
  }
  return piece;
}

function eventText(event: TurnEvent, at?: Position): string {
  const id = at ? `id: ${formatPosition(at)}\n` : '';
  return `event: ${event.type}\n${id}data: ${JSON.stringify(eventBody(event))}\n\n`;
}

/** A reader that fell behind gets one long delta; cut, it is the same text at the same offsets. Never inside a surrogate pair. */
export function cutDelta(placed: PlacedEvent, unitsMax: number): [PlacedEvent, PlacedEvent?] {
  const { event, at } = placed;
  if (event.type !== 'text.delta' || event.text.length <= unitsMax) return [placed];
  const cut = isHighSurrogate(event.text.charCodeAt(unitsMax - 1)) ? unitsMax - 1 : unitsMax;
  const offset = at.offset - (event.text.length - cut);
  const first: PlacedEvent = { event: { ...event, text: event.text.slice(0, cut) }, at: { ...at, offset } };
  return [first, { event: { ...event, at: event.at + cut, text: event.text.slice(cut) }, at }];
}

const isLast = (placed: PlacedEvent | undefined) => placed?.event.type === 'turn.end' || placed?.event.type === 'error';

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
