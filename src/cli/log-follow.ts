import type { FileHandle } from 'node:fs/promises';
import { type Clock, pause } from '../base/clock.ts';
import { CHUNK_BYTES, LINE_BYTES_MAX, type LogPlace, NEWLINE, numbered, numberOf, openIfThere, splitLines } from './log-file-names.ts';

export interface Following {
  clock: Clock;
  onLine(line: string): void;
  signal: AbortSignal;
}

const POLL_MS = 100;

/** An open file and what of its last line has arrived. */
interface Reader extends LogPlace {
  file: FileHandle;
  rest: Buffer;
}

/**
 * Calls `onLine` for every whole line after `from`, in order and over rotations, until `signal` aborts. A log that is not there yet is waited for.
 */
export async function followLog(path: string, from: LogPlace | undefined, { clock, onLine, signal }: Following): Promise<void> {
  let reader = from && (await openAt(path, from));
  try {
    while (!signal.aborted) {
      reader ??= await openNamed(path, 0);
      if (reader) {
        // Asked before the last read of a file: what was written to it up to its rotation is then read.
        const number = await numberOf(path, reader.ino);
        await drain(reader, onLine);
        if (number !== 0) {
          const next = await nextReader(path, reader, number);
          if (next) {
            await reader.file.close();
            reader = next;
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
async function nextReader(path: string, { ino }: LogPlace, number: number | undefined): Promise<Reader | undefined> {
  const next = await openNamed(path, Math.max(0, (number ?? 0) - 1));
  if (!next) return undefined;
  if (next.ino !== ino && (await numberOf(path, ino)) === number) return next;
  await next.file.close();
  return undefined;
}

async function openAt(path: string, place: LogPlace): Promise<Reader | undefined> {
  const number = await numberOf(path, place.ino);
  const reader = number === undefined ? undefined : await openNamed(path, number);
  if (reader && reader.ino === place.ino) reader.offset = place.offset;
  return reader;
}

async function openNamed(path: string, number: number): Promise<Reader | undefined> {
  const file = await openIfThere(numbered(path, number));
  return file && { file, ino: (await file.stat()).ino, offset: 0, rest: Buffer.alloc(0) };
}

async function drain(reader: Reader, onLine: (line: string) => void): Promise<void> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const { size } = await reader.file.stat();
  // Emptied by somebody: from the beginning again.
  if (size < reader.offset) Object.assign(reader, { offset: 0, rest: Buffer.alloc(0) });
  for (;;) {
    const { bytesRead } = await reader.file.read(chunk, 0, CHUNK_BYTES, reader.offset);
    if (bytesRead === 0) return;
    reader.offset += bytesRead;
    const block = Buffer.concat([reader.rest, chunk.subarray(0, bytesRead)]);
    const whole = block.lastIndexOf(NEWLINE) + 1;
    reader.rest = whole === 0 ? block.subarray(0, LINE_BYTES_MAX) : block.subarray(whole);
    for (const line of splitLines(block.subarray(0, whole))) onLine(line);
  }
}
