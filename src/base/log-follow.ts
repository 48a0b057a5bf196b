import type { FileHandle } from 'node:fs/promises';
import { type Clock, pause } from './clock.ts';
import {
  CHUNK_BYTES,
  FILES_MAX,
  LINE_BYTES_MAX,
  type LogLine,
  type LogPlace,
  markOf,
  NEWLINE,
  numbered,
  numberOf,
  openIfThere,
  splitLines,
} from './log-file-names.ts';

export interface LogPiece {
  /** Lines were rotated away before they could be read: there is a gap before these. */
  gap: boolean;
  lines: LogLine[];
}

const POLL_MS = 100;

/** An open file and what of its last line has arrived. While it is open nobody else has its inode's number. */
interface Reader extends LogPlace {
  file: FileHandle;
  ino: number;
  rest: Buffer;
}

/**
 * Every whole line after `from`, in order and over rotations, a block of the file at a time and only as fast as it is asked for, until `signal`
 * aborts. A log that is not there yet is waited for.
 */
export async function* followLog(
  path: string,
  from: LogPlace | undefined,
  parts: { clock: Clock; signal: AbortSignal },
): AsyncGenerator<LogPiece> {
  const { clock, signal } = parts;
  let reader = from && (await openAt(path, from));
  let gap = from !== undefined && reader === undefined;
  try {
    while (!signal.aborted) {
      // There was no log: all there is now is new, though some of it may be rotated already.
      reader ??= from === undefined ? await openOldest(path) : await openNamed(path, 0);
      if (reader) {
        // Asked before the last read of a file: what was written to it up to its rotation is then read.
        const number = await numberOf(path, reader.ino);
        for await (const lines of drain(reader)) {
          yield { gap, lines };
          gap = false;
        }
        if (number !== 0) {
          const next = await nextReader(path, reader, number);
          if (next) {
            await reader.file.close();
            reader = next;
            gap ||= number === undefined;
            continue;
          }
        }
      }
      await pause(clock, POLL_MS, signal);
    }
  } finally {
    await reader?.file.close();
  }
}

/** The file that came after ours; undefined while that cannot be told, because it rotates just now. */
async function nextReader(path: string, { ino }: Reader, number: number | undefined): Promise<Reader | undefined> {
  const next = await openNamed(path, Math.max(0, (number ?? 0) - 1));
  if (!next) return undefined;
  if (next.ino !== ino && (await numberOf(path, ino)) === number) return next;
  await next.file.close();
  return undefined;
}

async function openAt(path: string, place: LogPlace): Promise<Reader | undefined> {
  for (let number = 0; number < FILES_MAX; number++) {
    const reader = await openNamed(path, number);
    if (!reader && number > 0) return undefined;
    // A file that had no line yet is the newest.
    if (reader && (reader.mark === place.mark || place.mark === '')) return { ...reader, offset: place.offset };
    await reader?.file.close();
  }
  return undefined;
}

async function openNamed(path: string, number: number): Promise<Reader | undefined> {
  const file = await openIfThere(numbered(path, number));
  return file && { file, ino: (await file.stat()).ino, mark: await markOf(file), offset: 0, rest: Buffer.alloc(0) };
}

async function openOldest(path: string): Promise<Reader | undefined> {
  let oldest: Reader | undefined;
  for (let number = 0; number < FILES_MAX; number++) {
    const next = await openNamed(path, number);
    if (!next) break;
    await oldest?.file.close();
    oldest = next;
  }
  return oldest;
}

async function* drain(reader: Reader): AsyncGenerator<LogLine[]> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const { size } = await reader.file.stat();
  // Emptied by somebody: from the beginning again.
  if (size < reader.offset) Object.assign(reader, { offset: 0, mark: '', rest: Buffer.alloc(0) });
  for (;;) {
    const { bytesRead } = await reader.file.read(chunk, 0, CHUNK_BYTES, reader.offset);
    if (bytesRead === 0) return;
    reader.mark ||= await markOf(reader.file);
    const offset = reader.offset - reader.rest.length;
    reader.offset += bytesRead;
    const block = Buffer.concat([reader.rest, chunk.subarray(0, bytesRead)]);
    const whole = block.lastIndexOf(NEWLINE) + 1;
    reader.rest = whole === 0 ? block.subarray(0, LINE_BYTES_MAX) : block.subarray(whole);
    const lines = splitLines(block.subarray(0, whole), { mark: reader.mark, offset });
    if (lines.length > 0) yield lines;
  }
}
