import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Clock, systemClock } from './clock.ts';
import type { LogSink } from './log.ts';
import { createLogBuffer, type LogTarget, waitSync } from './log-buffer.ts';

export interface LogFileOptions {
  path: string;
  /** A file is put aside before it would grow beyond this. */
  bytesMax: number;
  /** Files in all: `agent.log`, `agent.log.1` … */
  filesMax: number;
  clock?: Clock;
  bufferBytesMax?: number;
  onDrop?: (lines: number) => void;
}

const CHUNK_BYTES_MAX = 65_536;
const RETRY_MS_MAX = 500;
const MODE = 0o600;
const LANDED_TRIES_MAX = 10;
const NEWLINE = 0x0a;

/**
 * A log file of mode 0600, rotated by size. Writes go through the thread pool, one at a time. While the disk is full or broken, lines wait
 * in the buffer (1 MiB), then are dropped and counted; when writing works again, a line `log.dropped` says how many.
 */
export function createLogFile(options: LogFileOptions): LogSink {
  const { bytesMax, clock = systemClock, bufferBytesMax, onDrop } = options;
  return createLogBuffer({
    target: new FileTarget(options),
    clock,
    chunkBytesMax: Math.min(CHUNK_BYTES_MAX, bytesMax),
    ...(bufferBytesMax !== undefined && { bufferBytesMax }),
    ...(onDrop && { onDrop }),
  });
}

class FileTarget implements LogTarget {
  readonly retryMsMax = RETRY_MS_MAX;
  readonly #path: string;
  readonly #bytesMax: number;
  readonly #filesMax: number;
  #file: FileHandle | undefined;
  #size = 0;

  constructor({ path, bytesMax, filesMax }: LogFileOptions) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#filesMax = filesMax;
  }

  async write(chunk: Buffer): Promise<number> {
    await this.#opened();
    // What is left of a chunk that went out in part always fits: the whole of it did. So no line is torn in two files.
    if (this.#size > 0 && this.#size + chunk.length > this.#bytesMax) await this.#rotate();
    const file = await this.#opened();
    try {
      const { bytesWritten } = await file.write(chunk);
      this.#size += bytesWritten;
      return bytesWritten;
    } catch (error) {
      if (!isFull(error)) await this.#letGo(); // a file that was opened anew may work where this descriptor does not
      throw error;
    }
  }

  writeSync(chunk: Buffer): number {
    if (this.#file) {
      const taken = writeSync(this.#file.fd, chunk);
      this.#size += taken;
      return taken;
    }
    const fd = openSync(this.#path, 'a', MODE);
    try {
      return writeSync(fd, chunk);
    } finally {
      closeSync(fd);
    }
  }

  /** We alone append, so the size tells. A write still waiting for its thread after 100 ms is done again: twice is better than never. */
  landedSync(chunk: Buffer): number {
    let landed = 0;
    for (let i = 0; this.#file && i < LANDED_TRIES_MAX && landed < chunk.length; i++) {
      if (i > 0) waitSync();
      landed = fstatSync(this.#file.fd).size - this.#size;
    }
    return Math.max(0, landed);
  }

  async close(): Promise<void> {
    await this.#letGo().catch(() => undefined); // nothing is left to do with a descriptor that does not close
  }

  async #opened(): Promise<FileHandle> {
    if (this.#file) return this.#file;
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    const fresh = await open(this.#path, 'a+', MODE);
    try {
      const found = await fresh.stat();
      if (found.isFile()) await fresh.chmod(MODE); // it may be older than us and wider
      this.#size = found.size;
      if (found.size > 0 && (await lastByte(fresh, found.size)) !== NEWLINE) {
        this.#size += (await fresh.write('\n')).bytesWritten; // after a line torn by a crash
      }
    } catch (error) {
      await fresh.close();
      throw error;
    }
    this.#file = fresh;
    return fresh;
  }

  async #letGo(): Promise<void> {
    const old = this.#file;
    this.#file = undefined;
    await old?.close();
  }

  /** Moves files up to the first free name, so that a try after one that failed halfway loses nothing more. */
  async #rotate(): Promise<void> {
    await this.#letGo();
    let free = 1;
    while (free < this.#filesMax && (await exists(this.#nameOf(free)))) free++;
    if (free === this.#filesMax) await rm(this.#nameOf(--free));
    for (let i = free; i > 0; i--) await rename(this.#nameOf(i - 1), this.#nameOf(i));
  }

  #nameOf(i: number): string {
    return i === 0 ? this.#path : `${this.#path}.${i}`;
  }
}

async function lastByte(file: FileHandle, size: number): Promise<number | undefined> {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0];
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
