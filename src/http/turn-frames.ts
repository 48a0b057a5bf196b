// A turn's events as the text of server-sent events.
import type { PlacedEvent, TurnCursor } from '../agent/agent.ts';
import { eventBody, formatPosition, type Position, type TurnEvent } from '../contract/events.ts';
import type { StreamSource } from './event-stream.ts';

export function turnSource(cursor: TurnCursor): StreamSource<PlacedEvent> {
  return {
    next: () => cursor.next(),
    close: () => cursor.close(),
    isLast: ({ event }) => event.type === 'turn.end' || event.type === 'error',
    take: takePiece,
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

export function eventText(event: TurnEvent, at?: Position): string {
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

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
