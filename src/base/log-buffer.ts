/** Between the logger and a destination that may be slow, full or gone: lines are lost before the process is. */
import { type Clock, pause, type Timer } from './clock.ts';
import type { LogSink } from './log.ts';
import { createLogQueue, type LogQueue } from './log-queue.ts';

/** A file or a pipe. Its failures are rejections (throws, in the sync methods) and mean: not now. */
export interface LogTarget {
  /** Longest wait after a failure; waits double from 1 ms. */
  readonly retryMsMax: number;
  /** Takes some of the chunk, at least a byte, and says how many. Never called while a call is under way. */
  write(chunk: Buffer): Promise<number>;
  /** The same at once, even while `write` is under way. */
  writeSync(chunk: Buffer): number;
  /** Of the chunk that `write` is working on: how many bytes have arrived. */
  landedSync(chunk: Buffer): number;
  close(): Promise<void>;
}

export interface LogBufferOptions {
  target: LogTarget;
  clock: Clock;
  /** Most bytes waiting, those under way included. */
  bufferBytesMax?: number;
  chunkBytesMax?: number;
  /** Told how many lines were just lost. Must not throw. */
  onDrop?: (lines: number) => void;
}

const BUFFER_BYTES_MAX = 1_048_576;
const CHUNK_BYTES_MAX = 65_536;
/** Lines wait this long for company: at 1,000 turns a second it is 100 writes instead of thousands. */
const LINGER_MS = 10;
const FLUSH_MS_MAX = 1_000;
const SYNC_TRIES_MAX = 20;
const SYNC_WAIT_MS = 10;
/** The other end is closed for good: no later attempt can help. */
const GONE: ReadonlySet<unknown> = new Set(['EPIPE', 'ECONNRESET']);
const NEWLINE = 0x0a;

export function createLogBuffer(options: LogBufferOptions): LogSink {
  return new LogBuffer(options);
}

class LogBuffer implements LogSink {
  readonly #target: LogTarget;
  readonly #clock: Clock;
  readonly #queue: LogQueue;
  /** What is being written, from its first byte that is not out yet. */
  #rest: Buffer | undefined;
  #pumping: Promise<void> | undefined;
  #timer: Timer | undefined;
  /** Attempts that failed since the last byte went out. */
  #failures = 0;
  #closed = false;

  constructor({ target, clock, bufferBytesMax = BUFFER_BYTES_MAX, chunkBytesMax = CHUNK_BYTES_MAX, onDrop }: LogBufferOptions) {
    this.#target = target;
    this.#clock = clock;
    this.#queue = createLogQueue({ now: clock.now, bytesMax: bufferBytesMax, chunkBytesMax, ...(onDrop && { onDrop }) });
  }

  write(line: string): void {
    if (this.#closed) {
      this.#queue.lose(1);
    } else {
      this.#queue.push(line);
      this.#timer ??= this.#clock.after(LINGER_MS, () => this.#pump(), true);
    }
  }

  dropped(): number {
    return this.#queue.lost();
  }

  async flush(): Promise<void> {
    const end = this.#clock.monotonic() + FLUSH_MS_MAX;
    const leftMs = (): number => end - this.#clock.monotonic();
    while (!this.#isIdle() && leftMs() > 0) {
      const settled = new AbortController();
      await Promise.race([this.#pump(), pause(this.#clock, leftMs(), settled.signal)]);
      settled.abort();
      if (!this.#isIdle()) await pause(this.#clock, Math.min(this.#retryMs(), leftMs()));
    }
  }

  flushSync(): void {
    this.#stopTimer();
    let tries = 0;
    try {
      if (this.#rest && this.#pumping) this.#advance(this.#rest, this.#target.landedSync(this.#rest));
      for (let chunk = this.#next(); chunk; chunk = this.#next()) {
        const taken = attempt(this.#target, chunk);
        if (taken > 0) this.#advance(chunk, taken);
        else if (++tries > SYNC_TRIES_MAX) return;
        else waitSync();
      }
    } catch (error) {
      if (GONE.has(codeOf(error))) this.#giveUp();
      // Else the lines stay for a later attempt, if the process lives to make one.
    }
  }

  async close(): Promise<void> {
    await this.flush();
    this.#stopTimer();
    if (!this.#closed) this.#giveUp();
    await this.#target.close();
  }

  /** Callers share one attempt. Never rejects. */
  #pump(): Promise<void> {
    this.#stopTimer();
    this.#pumping ??= this.#drain().finally(() => {
      this.#pumping = undefined;
    });
    return this.#pumping;
  }

  /** Writes until all is out or an attempt fails. */
  async #drain(): Promise<void> {
    for (let chunk = this.#next(); chunk; chunk = this.#next()) {
      try {
        const taken = await this.#target.write(chunk);
        if (this.#rest === chunk) this.#advance(chunk, taken); // else flushSync took over meanwhile
      } catch (error) {
        if (GONE.has(codeOf(error))) this.#giveUp();
        this.#failures++;
        if (!this.#closed) this.#timer ??= this.#clock.after(this.#retryMs(), () => this.#pump());
        return;
      }
    }
  }

  #next(): Buffer | undefined {
    this.#rest ??= this.#queue.take();
    return this.#rest;
  }

  #advance(chunk: Buffer, taken: number): void {
    this.#failures = 0;
    this.#rest = taken < chunk.length ? chunk.subarray(taken) : undefined;
    this.#queue.release(Math.min(taken, chunk.length));
  }

  #giveUp(): void {
    this.#closed = true;
    this.#queue.lose(newlinesIn(this.#rest));
    this.#queue.abandon();
    this.#rest = undefined;
  }

  #isIdle(): boolean {
    return !this.#rest && this.#queue.isEmpty();
  }

  #retryMs(): number {
    return Math.min(this.#target.retryMsMax, 2 ** (this.#failures - 1));
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/** Bytes taken, 0 when the destination has no room at the moment. Throws what it throws otherwise. */
function attempt(target: LogTarget, chunk: Buffer): number {
  try {
    return target.writeSync(chunk);
  } catch (error) {
    if (codeOf(error) === 'EAGAIN') return 0;
    throw error;
  }
}

/** Blocks the thread: only for an exit that cannot wait. */
export function waitSync(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SYNC_WAIT_MS);
}

function newlinesIn(chunk: Buffer | undefined): number {
  let count = 0;
  for (const byte of chunk ?? []) if (byte === NEWLINE) count++;
  return count;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
