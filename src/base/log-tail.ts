import type { FileHandle } from 'node:fs/promises';
import {
  CHUNK_BYTES,
  FILES_MAX,
  LINE_BYTES_MAX,
  type LogLine,
  type LogPlace,
  markOf,
  NEWLINE,
  numbered,
  openIfThere,
  splitLines,
} from './log-file-names.ts';

export interface Wanted {
  /** Most lines. */
  count: number;
  isWanted(line: string): boolean;
  /** Only lines that begin before this place. */
  before?: LogPlace | undefined;
}

export interface LogTail {
  /** Oldest first. */
  lines: LogLine[];
  /** Where to follow from: the end of the last whole line that was looked at. */
  end: LogPlace;
}

/** The last lines that are wanted, read backwards over the rotated files. Undefined when there is no log, or none any more before that place. */
export async function readLogTail(path: string, { count, isWanted, before }: Wanted): Promise<LogTail | undefined> {
  const lines: LogLine[] = [];
  let end: LogPlace | undefined;
  const seen = new Set<number>();
  for (let number = 0; number < FILES_MAX && (lines.length < count || !end); number++) {
    const file = await openIfThere(numbered(path, number));
    if (!file && number > 0) break;
    if (!file) continue;
    try {
      const { ino, size } = await file.stat();
      const mark = await markOf(file);
      // Rotated between two looks: the same file under its next name. Or younger than the place.
      if (seen.has(ino) || (before && !end && mark !== before.mark)) continue;
      seen.add(ino);
      const from = { mark, offset: before && !end ? Math.min(before.offset, size) : size };
      const found = await readBackwards(file, from, { count: count - lines.length, isWanted });
      lines.unshift(...found.lines);
      end ??= { mark, offset: found.end };
    } finally {
      await file.close();
    }
  }
  return end && { lines, end };
}

/** Whole lines only: what has no newline yet is still being written. */
async function readBackwards(file: FileHandle, { mark, offset: size }: LogPlace, { count, isWanted }: Wanted) {
  const lines: LogLine[] = [];
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let end = count === 0 ? size : undefined;
  let carry: Buffer = Buffer.alloc(0);
  for (let at = size; at > 0 && lines.length < count; ) {
    const length = Math.min(CHUNK_BYTES, at);
    at -= length;
    const { bytesRead } = await file.read(chunk, 0, length, at);
    let block: Buffer = Buffer.concat([chunk.subarray(0, bytesRead), carry.subarray(0, LINE_BYTES_MAX)]);
    if (end === undefined) {
      const last = block.lastIndexOf(NEWLINE);
      if (last !== -1) end = at + last + 1;
      block = block.subarray(0, last === -1 ? block.length : last + 1);
    }
    // Up to the first newline the block may begin in the middle of a line.
    const whole = at === 0 ? 0 : block.indexOf(NEWLINE) + 1;
    if (end === undefined || (at > 0 && whole === 0)) {
      carry = block;
      continue;
    }
    carry = block.subarray(0, whole);
    const found = splitLines(block.subarray(whole), { mark, offset: at + whole }).filter(({ text }) => isWanted(text));
    lines.unshift(...found.slice(-(count - lines.length)));
  }
  return { lines, end: end ?? 0 };
}
