// A bounded queue of log lines.
import { isoTime } from './iso-time.ts';

/** Lines that wait to be written, at most so many bytes: what does not fit is lost and counted, and a later line says how much it was. */
export interface LogQueueOptions {
  now: () => number;
  /** Most bytes waiting or under way, apart from one line of at most 128 that says what was lost. */
  bytesMax: number;
  /** Most bytes taken at a time, except for one longer line. */
  chunkBytesMax: number;
  /** Told how many lines were just lost. Must not throw. */
  onDrop?: (lines: number) => void;
}

export interface LogQueue {
  push(line: string): void;
  /** The next lines to write, in order; undefined when there is nothing to say. They count as waiting until released. */
  take(): Buffer | undefined;
  release(bytes: number): void;
  isEmpty(): boolean;
  /** Counts lines as lost. */
  lose(lines: number): void;
  lost(): number;
  /** Loses everything that waits, with nobody left to tell. */
  abandon(): void;
}

/** Room kept for the line that says how many were lost. */
const NOTE_BYTES = 128;

export function createLogQueue({ now, bytesMax, chunkBytesMax, onDrop }: LogQueueOptions): LogQueue {
  const lines: string[] = [];
  let bytes = 0;
  let lost = 0;
  let unsaid = 0;

  function add(line: string, size = Buffer.byteLength(line)): void {
    lines.push(line);
    bytes += size;
  }

  function addNote(): void {
    add(`${JSON.stringify({ level: 'warn', time: isoTime(now()), event: 'log.dropped', count: unsaid })}\n`);
    unsaid = 0;
  }

  function lose(count: number): void {
    if (count === 0) return;
    lost += count;
    unsaid += count;
    onDrop?.(count);
  }

  return {
    push(line) {
      const size = Buffer.byteLength(line);
      if (bytes + size + (unsaid > 0 ? NOTE_BYTES : 0) > bytesMax) return lose(1);
      if (unsaid > 0) addNote();
      add(line, size);
    },
    take() {
      if (lines.length === 0 && unsaid > 0) addNote();
      let size = 0;
      let count = 0;
      for (const line of lines) {
        size += Buffer.byteLength(line);
        if (count > 0 && size > chunkBytesMax) break;
        count++;
      }
      return count > 0 ? Buffer.from(lines.splice(0, count).join('')) : undefined;
    },
    release(released) {
      bytes -= released;
    },
    isEmpty: () => lines.length === 0 && unsaid === 0,
    lose,
    lost: () => lost,
    abandon() {
      lose(lines.length);
      unsaid = 0;
      lines.length = 0;
      bytes = 0;
    },
  };
}
