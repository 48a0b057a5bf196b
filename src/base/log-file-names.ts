// The log and its rotated files: `agent.log`, `agent.log.1`, …; the higher the older.
import { hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

/** More than any setting of the log allows. */
export const FILES_MAX = 1_000;
export const CHUNK_BYTES = 65_536;
/** Our own lines are a few hundred bytes; what is longer than this is not one of them and is cut. */
export const LINE_BYTES_MAX = 1_048_576;
export const NEWLINE = 0x0a;

/** A place in one file, whatever its name has become. */
export interface LogPlace {
  /** Digest of the file's first line: an inode's number is given to another file soon after ours is gone. '' for one without a whole line. */
  mark: string;
  offset: number;
}

export interface LogLine {
  text: string;
  /** Where it begins. */
  start: LogPlace;
  /** Where the next one begins. */
  end: LogPlace;
}

export const numbered = (path: string, number: number): string => (number === 0 ? path : `${path}.${number}`);

/** A log begins with a line of its own, with its time. */
const MARK_BYTES = 1_024;
const MARK_DIGITS = 16;

export async function markOf(file: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MARK_BYTES), 0, MARK_BYTES, 0);
  const newline = buffer.indexOf(NEWLINE);
  const end = newline === -1 ? bytesRead : newline;
  return newline === -1 && bytesRead < MARK_BYTES ? '' : hash('sha256', buffer.subarray(0, end), 'hex').slice(0, MARK_DIGITS);
}

export async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Under which number a file is found now; undefined when it is gone. */
export async function numberOf(path: string, ino: number): Promise<number | undefined> {
  for (let number = 0; number < FILES_MAX; number++) {
    const file = await openIfThere(numbered(path, number));
    if (!file) {
      // While it rotates there is for a moment no file without a number.
      if (number === 0) continue;
      return undefined;
    }
    const found = await file.stat();
    await file.close();
    if (found.ino === ino) return number;
  }
  return undefined;
}

/** The lines of a block that begins at `from` and ends with a newline; empty ones are left out. */
export function splitLines(block: Buffer, { mark, offset: from }: LogPlace): LogLine[] {
  const lines: LogLine[] = [];
  for (let at = 0; at < block.length; ) {
    const newline = block.indexOf(NEWLINE, at);
    const next = newline === -1 ? block.length : newline + 1;
    const text = block.toString('utf8', at, newline === -1 ? next : newline);
    const place = (offset: number): LogPlace => ({ mark, offset: from + offset });
    if (text !== '') lines.push({ text, start: place(at), end: place(next) });
    at = next;
  }
  return lines;
}
