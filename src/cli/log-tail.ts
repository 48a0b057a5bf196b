import type { FileHandle } from 'node:fs/promises';
import { CHUNK_BYTES, FILES_MAX, LINE_BYTES_MAX, type LogPlace, NEWLINE, numbered, openIfThere, splitLines } from './log-file-names.ts';

export interface Wanted {
  /** Most lines. */
  count: number;
  isWanted(line: string): boolean;
}

export interface LogTail {
  /** Oldest first. */
  lines: string[];
  /** Where to follow from: the end of the last whole line of the newest file. */
  end: LogPlace;
}

/** The last lines that are wanted, read backwards over the rotated files. Undefined when there is no log at all. */
export async function readLogTail(path: string, { count, isWanted }: Wanted): Promise<LogTail | undefined> {
  const lines: string[] = [];
  let end: LogPlace | undefined;
  const seen = new Set<number>();
  for (let number = 0; number < FILES_MAX && (lines.length < count || !end); number++) {
    const file = await openIfThere(numbered(path, number));
    if (!file && number > 0) break;
    if (!file) continue;
    try {
      const { ino, size } = await file.stat();
      // Rotated between two looks: the same file under its next name.
      if (seen.has(ino)) continue;
      seen.add(ino);
      const found = await readBackwards(file, size, { count: count - lines.length, isWanted });
      lines.unshift(...found.lines);
      end ??= { ino, offset: found.end };
    } finally {
      await file.close();
    }
  }
  return end && { lines, end };
}

/** Whole lines only: what has no newline yet is still being written. */
async function readBackwards(file: FileHandle, size: number, { count, isWanted }: Wanted): Promise<{ lines: string[]; end: number }> {
  const lines: string[] = [];
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
    const found = splitLines(block.subarray(whole)).filter(isWanted);
    lines.unshift(...found.slice(-(count - lines.length)));
  }
  return { lines, end: end ?? 0 };
}
