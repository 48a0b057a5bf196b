// The events of the live feed, kept once for all its readers. Each reader holds only its place, so a slow one costs nothing but what it misses.
import type { Clock, Timer } from '../base/clock.ts';
import { formatLivePlace, type LiveEvent, type LivePlace } from '../contract/live.ts';

/** Events kept for those who are behind or come back; the oldest make room. */
export const KEPT_MAX = 1_000;
/** Events a reader is handed at once. */
const PIECE_MAX = 100;
/** Nobody is woken more often: a busy server tells its readers ten times a second, not a thousand. */
const FLUSH_MS = 100;
/** How long after the last reader has gone events are still kept, so that one who lost the connection can go on. */
const LINGER_MS = 60_000;

/** One event as a server-sent event, made into text once, when the first reader takes it. */
export interface LiveFrame {
  text(): string;
}

export interface LiveCursor {
  /** The next events, at least one; an empty list when the reader was closed. Waits otherwise. */
  next(): Promise<LiveFrame[]>;
  close(): void;
}

export interface LiveFeed {
  /** Costs a comparison while nobody reads. Never throws. */
  publish(event: LiveEvent): void;
  /**
   * Events after `from`; without it, from now on. A place that cannot be gone on from gives `reset`; `greeting` is what a reader
   * is shown first who does not go on from a place.
   */
  cursor(from: LivePlace | undefined, greeting: LiveEvent): LiveCursor;
  readonly readers: number;
  /** Events kept now. */
  readonly kept: number;
}

/** `run` names this process: sixteen hexadecimal digits. */
export function createLiveFeed({ clock, run }: { clock: Clock; run: string }): LiveFeed {
  return new Feed(clock, run);
}

class Feed implements LiveFeed {
  readonly #clock: Clock;
  readonly #run: string;
  readonly #ring: (LiveFrame | undefined)[] = new Array(KEPT_MAX).fill(undefined);
  /** Of the oldest event kept, and of the last one published. */
  #first = 1;
  #last = 0;
  readonly #cursors = new Set<LiveCursor>();
  readonly #waiting = new Set<() => void>();
  #leftAt = Number.NEGATIVE_INFINITY;
  #flush: Timer | undefined;

  constructor(clock: Clock, run: string) {
    this.#clock = clock;
    this.#run = run;
  }

  get readers(): number {
    return this.#cursors.size;
  }

  get kept(): number {
    return this.#last - this.#first + 1;
  }

  publish(event: LiveEvent): void {
    this.#last += 1;
    if (this.#cursors.size === 0 && this.#clock.monotonic() - this.#leftAt > LINGER_MS) {
      if (this.#first < this.#last) this.#ring.fill(undefined);
      this.#first = this.#last + 1;
      return;
    }
    this.#ring[this.#last % KEPT_MAX] = this.#frame(event, this.#last);
    this.#first = Math.max(this.#first, this.#last - KEPT_MAX + 1);
    if (this.#waiting.size > 0) this.#flush ??= this.#clock.after(FLUSH_MS, () => this.#wakeAll());
  }

  cursor(from: LivePlace | undefined, greeting: LiveEvent): LiveCursor {
    const known = from?.run === this.#run && from.seq <= this.#last && from.seq >= this.#first - 1;
    const ahead: LiveEvent[] = known ? [] : [...(from ? [{ type: 'reset' } as const] : []), greeting];
    let seq = known ? from.seq : this.#last;
    let over = false;
    let parked: (() => void) | undefined;
    const first = ahead.map((event) => this.#frame(event, seq));
    const cursor: LiveCursor = {
      next: async () => {
        for (;;) {
          if (over) return [];
          if (first.length > 0) return first.splice(0);
          const frames = this.#after(seq);
          if (frames.length > 0) {
            seq = Math.min(this.#last, Math.max(seq, this.#first - 1) + PIECE_MAX);
            return frames;
          }
          await new Promise<void>((resolve) => {
            parked = resolve;
            this.#waiting.add(resolve);
          });
        }
      },
      close: () => {
        over = true;
        if (!this.#cursors.delete(cursor)) return;
        if (this.#cursors.size === 0) this.#leftAt = this.#clock.monotonic();
        if (!parked) return;
        this.#waiting.delete(parked);
        parked();
      },
    };
    this.#cursors.add(cursor);
    return cursor;
  }

  /** At most a piece of what comes after a place, told first how much of it is gone. */
  #after(seq: number): LiveFrame[] {
    const dropped = this.#first - 1 - seq;
    const frames = dropped > 0 ? [this.#frame({ type: 'lagged', dropped }, this.#first - 1)] : [];
    const from = Math.max(seq + 1, this.#first);
    for (let each = from; each <= this.#last && each < from + PIECE_MAX; each += 1) {
      const frame = this.#ring[each % KEPT_MAX];
      if (frame) frames.push(frame);
    }
    return frames;
  }

  #frame(event: LiveEvent, seq: number): LiveFrame {
    let text: string | undefined;
    return {
      text: () => {
        text ??= frameText(event, formatLivePlace({ run: this.#run, seq }));
        return text;
      },
    };
  }

  #wakeAll(): void {
    this.#flush = undefined;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

function frameText({ type, ...body }: LiveEvent, id: string): string {
  return `event: ${type}\nid: ${id}\ndata: ${JSON.stringify(body)}\n\n`;
}
