// The log and its rotated files: `agent.log`, `agent.log.1`, …; the higher the older.
import { type FileHandle, open } from 'node:fs/promises';

/** More than any setting of the log allows. */
export const FILES_MAX = 1_000;
export const CHUNK_BYTES = 65_536;
/** Our own lines are a few hundred bytes; what is longer than this is not one of them and is cut. */
export const LINE_BYTES_MAX = 1_048_576;
export const NEWLINE = 0x0a;

/** A place in one file, whatever its name has become. */
export interface LogPlace {
  ino: number;
  offset: number;
}

export const numbered = (path: string, number: number): string => (number === 0 ? path : `${path}.${number}`);

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

export const splitLines = (block: Buffer): string[] =>
  block
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
