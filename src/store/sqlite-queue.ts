// Units on their way to the writer thread. One batch is in flight; what comes meanwhile shares the next commit.
import { Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { type Unit, UnitRefused } from './database.ts';
import type { Ballast } from './sqlite-ballast.ts';
import { createSqlNumbers, encodeBatch } from './sqlite-batch.ts';
import type { BatchReply, Failure, Refusal } from './sqlite-committer.ts';
import { type Ailment, lasts } from './sqlite-trouble.ts';
import type { Job, Reply, WriterData } from './sqlite-writer.ts';

export const QUEUED_UNITS_MAX = 10_000;
const QUEUED_BYTES_MAX = 64 * 1024 * 1024;
const BATCH_UNITS_MAX = 256;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
/** While the writer is unwell it is tried this often. */
const MEND_EVERY_MS = 1_000;

export interface QueueParts {
  path: string;
  clock: Clock;
  log: Logger;
  ballast: Ballast;
  /** Units that may wait; default 10,000. */
  maxQueued?: number | undefined;
  /** The thread's entry file; tests hand in one that dies. */
  writer?: URL | undefined;
}

export interface WriterQueue {
  /** Has the thread up before the first unit comes; it opens the file only then. */
  start(): void;
  write(unit: Unit): Promise<void>;
  ailment(): Ailment | undefined;
  queued(): number;
  /** Waits for what is queued, then for the writer's goodbye. Idempotent. */
  close(): Promise<void>;
}

interface Waiting {
  unit: Unit;
  bytes: number;
  resolve(): void;
  reject(error: unknown): void;
}

type InFlight = { kind: 'batch'; units: Waiting[] } | { kind: 'mend' } | { kind: 'close' };

export function createWriterQueue(parts: QueueParts): WriterQueue {
  return new Queue(parts);
}

class Queue implements WriterQueue {
  readonly #parts: QueueParts;
  readonly #maxQueued: number;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #inFlight: InFlight | undefined;
  #worker: Worker | undefined;
  #sql = createSqlNumbers();
  #ailment: Ailment | undefined;
  #flushPlanned = false;
  #closing: { done: Promise<void>; resolve(): void } | undefined;
  #closed = false;

  constructor(parts: QueueParts) {
    this.#parts = parts;
    this.#maxQueued = parts.maxQueued ?? QUEUED_UNITS_MAX;
  }

  start(): void {
    if (!this.#worker && !this.#closing) this.#spawn();
  }

  ailment(): Ailment | undefined {
    return this.#ailment;
  }

  queued(): number {
    return this.#waiting.length + (this.#inFlight?.kind === 'batch' ? this.#inFlight.units.length : 0);
  }

  write(unit: Unit): Promise<void> {
    const bytes = sizeOf(unit);
    const refusal = this.#refusal(unit, bytes);
    if (refusal) return Promise.reject(unavailable(refusal));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ unit, bytes, resolve, reject });
      this.#waitingBytes += bytes;
      this.#plan();
    });
  }

  close(): Promise<void> {
    if (!this.#closing) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#closing = { done: promise, resolve };
      this.#flush();
    }
    return this.#closing.done;
  }

  #refusal(unit: Unit, bytes: number): string | undefined {
    if (this.#closing) return 'closed';
    if (this.#ailment && !(this.#ailment === 'full' && unit.scrub)) return this.#ailment;
    if (this.#waiting.length >= this.#maxQueued || this.#waitingBytes + bytes > QUEUED_BYTES_MAX) return 'queue_full';
    return undefined;
  }

  /** After the events of this turn of the loop, so that units written in the same one share the batch. */
  #plan(): void {
    if (this.#flushPlanned || this.#inFlight) return;
    this.#flushPlanned = true;
    setImmediate(() => {
      this.#flushPlanned = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#inFlight || this.#closed) return;
    if (this.#waiting.length > 0) {
      const units = this.#take();
      try {
        const scrub = units.some(({ unit }) => unit.scrub === true);
        const batch = encodeBatch(
          units.map(({ unit }) => unit),
          this.#sql,
        );
        this.#post({ kind: 'batch', units }, { kind: 'batch', batch, scrub });
      } catch (error) {
        this.#inFlight = undefined;
        for (const each of units) each.reject(new AppError('internal', { cause: error }));
        this.#plan();
      }
      return;
    }
    if (!this.#closing) return;
    if (this.#worker) this.#post({ kind: 'close' }, { kind: 'close' });
    else this.#end();
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const each of this.#waiting) {
      if (count > 0 && (count >= BATCH_UNITS_MAX || bytes + each.bytes > BATCH_BYTES_MAX)) break;
      bytes += each.bytes;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    if (count < this.#waiting.length) return this.#waiting.splice(0, count);
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }

  #post(inFlight: InFlight, job: Job): void {
    this.#inFlight = inFlight;
    const worker = this.#worker ?? this.#spawn();
    worker.postMessage(job);
  }

  #spawn(): Worker {
    const data: WriterData = { path: this.#parts.path };
    const worker = new Worker(this.#parts.writer ?? writerFile(), { workerData: data, env: {}, name: 'sqlite-writer' });
    this.#worker = worker;
    this.#sql = createSqlNumbers();
    worker.on('message', (reply: Reply) => this.#answered(reply));
    worker.on('error', (error) => this.#parts.log.error('store.writer_failed', { error }));
    worker.on('exit', () => this.#exited(worker));
    return worker;
  }

  #answered(reply: Reply): void {
    const inFlight = this.#inFlight;
    this.#inFlight = undefined;
    if (inFlight?.kind === 'batch' && reply.kind === 'batch') this.#settle(inFlight.units, reply.reply);
    if (reply.kind === 'mend') this.#mended(reply.failed);
    if (reply.kind !== 'closed') this.#flush(); // after `closed` the thread ends, and its exit is the end
  }

  #settle(units: Waiting[], { failed, refusals, unscrubbed }: BatchReply): void {
    if (unscrubbed) this.#parts.log.warn('store.log_kept', { reason: 'a reader was busy' });
    if (failed) {
      this.#fail(units, failed);
      return;
    }
    const refused = new Map(refusals.map((refusal) => [refusal.unit, refusal]));
    units.forEach((each, index) => {
      const refusal = refused.get(index);
      if (refusal) each.reject(refusalError(each.unit, refusal));
      else each.resolve();
    });
  }

  #fail(units: Waiting[], failed: Failure): void {
    this.#parts.log.error('store.commit_failed', { reason: failed.trouble, code: String(failed.code), count: units.length });
    if (lasts(failed.trouble)) this.#ail(failed.trouble);
    for (const each of units) each.reject(unavailable(failed.trouble, failed.code));
  }

  /** Refuses what waits at once: callers must not hang on a disk that may stay full for hours. */
  #ail(ailment: Ailment): void {
    const before = this.#ailment;
    this.#ailment = ailment;
    if (before !== ailment) this.#parts.log.error('store.readonly', { reason: ailment });
    if (ailment === 'full') this.#parts.ballast.release();
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const each of waiting) each.reject(unavailable(ailment));
    if (before === undefined) this.#planMend();
  }

  #planMend(): void {
    if (!this.#closing) this.#parts.clock.after(MEND_EVERY_MS, () => void this.#mend());
  }

  async #mend(): Promise<void> {
    const { ballast, log } = this.#parts;
    const room = await ballast.lay().catch((error: unknown) => {
      log.warn('store.ballast_failed', { error });
      return this.#ailment !== 'full';
    });
    if (this.#closing) return;
    if ((this.#ailment === 'full' && !room) || this.#inFlight) this.#planMend();
    else this.#post({ kind: 'mend' }, { kind: 'mend' });
  }

  #mended(failed: Failure | undefined): void {
    if (failed) {
      if (lasts(failed.trouble)) this.#ail(failed.trouble);
      this.#planMend();
      return;
    }
    this.#ailment = undefined;
    this.#parts.log.info('store.writable');
  }

  #exited(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const inFlight = this.#inFlight;
    this.#inFlight = undefined;
    if (this.#closed) return;
    // Whether the batch was committed cannot be known: a caller who hears nothing good repeats with its key.
    if (inFlight?.kind === 'batch') for (const each of inFlight.units) each.reject(unavailable('dead'));
    if (this.#closing) {
      for (const each of this.#waiting) each.reject(unavailable('dead'));
      this.#end();
      return;
    }
    const mending = inFlight?.kind === 'mend';
    this.#ail('dead');
    if (mending) this.#planMend();
  }

  #end(): void {
    this.#closed = true;
    this.#closing?.resolve();
  }
}

/** Beside this file in the sources and beside the bundle in `dist`. */
const writerFile = (): URL => new URL(import.meta.url.endsWith('.ts') ? './sqlite-writer.ts' : './sqlite-writer.js', import.meta.url);

function refusalError(unit: Unit, { statement, trouble, code }: Refusal): Error {
  if (trouble === 'refused') return new UnitRefused(unit.statements[statement]?.guard ?? 'constraint');
  return new AppError('internal', { cause: new Error(`statement ${statement} of a unit is faulty (SQLite ${code})`) });
}

const unavailable = (reason: string, code = 0): AppError =>
  new AppError('storage_unavailable', { cause: new Error(code === 0 ? reason : `${reason} (SQLite ${code})`) });

/** Rough size in memory: what bounds the queue. */
function sizeOf(unit: Unit): number {
  let bytes = 256;
  for (const { values } of unit.statements) {
    for (const value of values) bytes += typeof value === 'string' || value instanceof Uint8Array ? value.length + 16 : 8;
  }
  return bytes;
}
