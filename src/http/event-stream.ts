// Server-sent events: one stream per reader, fed no faster than the reader takes them.
import type { Access } from '../access/access.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Caller } from './auth.ts';
import type { HttpLimits } from './limits.ts';

interface StreamParts {
  clock: Clock;
  limits: Pick<HttpLimits, 'heartbeatMs' | 'streamStallMs' | 'streamPieceUnits'>;
  access: Pick<Access, 'watch'>;
}

/** What a stream is made of. */
export interface StreamSource<T> {
  /** The next items, at least one; an empty list when no more will come. Waits otherwise. */
  next(): Promise<T[]>;
  close(): void;
  /** Nothing comes after this one. */
  isLast(item: T): boolean;
  /** Takes whole events off the front of `items`, as text of about `unitsMax`; an item may be cut in two. */
  take(items: T[], unitsMax: number): string;
}

export interface StreamReader {
  /** Last words of a stream whose source failed: whole events, or ''. */
  onError(error: unknown): string;
  /** Cuts the connection of a reader that takes nothing. */
  drop(): void;
  /** Who reads. The stream ends with what they identified themselves with, and what was not sent yet is not sent. */
  caller: Pick<Caller, 'credential'>;
}

/** The streams under way, so that a stop can end them. */
export interface EventStreams {
  /** Nothing is read from the source before the socket takes what came before. */
  open<T>(source: StreamSource<T>, reader: StreamReader): ReadableStream<Uint8Array>;
  /** Ends every stream after the event it is at. Readers can resume. */
  endAll(): void;
  readonly size: number;
}

export function createEventStreams(parts: StreamParts): EventStreams {
  const live = new Set<{ end(): void }>();
  return {
    open(source, reader) {
      const stream = openStream(source, { ...parts, reader }, () => live.delete(stream));
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

function openStream<T>(source: StreamSource<T>, parts: StreamParts & { reader: StreamReader }, onGone: () => void) {
  const { access, clock, limits, reader } = parts;
  /** Items taken from the source and not yet sent. */
  const held: T[] = [];
  let farewell = '';
  let over = false;
  let gone = false;
  /** Set while the socket waits for something to send. */
  let wake: (() => void) | undefined;
  let asking = false;
  let idleSince = clock.monotonic();
  let beat = false;
  let unwatch = (): void => undefined;
  let timer: Timer | undefined;

  /** Must not reject. */
  async function ask(): Promise<void> {
    asking = true;
    try {
      held.push(...(await source.next()));
      const last = held.at(-1);
      over ||= last === undefined || source.isLast(last);
    } catch (error) {
      over = true;
      // Without an id: the reader resumes from where it stood.
      if (!gone) farewell = reader.onError(error);
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
    unwatch();
    source.close();
    wake?.();
    onGone();
  }

  function end(): void {
    over = true;
    wake?.();
  }

  const body = new ReadableStream<Uint8Array>(
    {
      start() {
        unwatch = access.watch(reader.caller.credential, () => {
          held.length = 0;
          end();
        });
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
        const piece = source.take(held, limits.streamPieceUnits) || farewell;
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

  return { body, end };
}
