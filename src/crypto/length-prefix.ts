/**
 * LP(x) = u32 BE length || UTF-8 bytes: the only way this program joins fields before it authenticates or hashes them. No two different
 * lists of strings give the same bytes, which JSON and joined strings cannot say.
 */

/** Room that holds LP of every text whatever its characters: UTF-8 takes at most 3 bytes for a UTF-16 unit. */
export function lengthPrefixedBytesMax(texts: readonly string[]): number {
  let bytes = 0;
  for (const text of texts) bytes += 4 + text.length * 3;
  return bytes;
}

/** Writes LP(text) at `offset` and returns the offset after it. The caller made room with `lengthPrefixedBytesMax`. */
export function writeLengthPrefixed(target: Buffer, offset: number, text: string): number {
  const bytes = target.write(text, offset + 4);
  target.writeUInt32BE(bytes, offset);
  return offset + 4 + bytes;
}

/** What `writeUint64` takes: numbers from 0 to 2^53 − 1 without a fraction. */
export function isUint(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** Writes an unsigned 64-bit integer at `offset` and returns the offset after it. Throws RangeError beyond the exact integers of a number. */
export function writeUint64(target: Buffer, offset: number, value: number): number {
  if (!isUint(value)) throw new RangeError('not an unsigned safe integer');
  target.writeUInt32BE(Math.floor(value / 2 ** 32), offset);
  target.writeUInt32BE(value >>> 0, offset + 4);
  return offset + 8;
}
