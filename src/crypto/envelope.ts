/**
 * Record format v1: one sealed value of the database, bound to its place.
 *
 *     0   1  format 0x01
 *     1   1  suite  0x01 = AES-256-GCM, 96-bit random IV, 128-bit tag
 *     2   4  version of the session key, u32 BE
 *     6  12  IV
 *    18   n  ciphertext
 *        16  tag
 *     AAD = LP("holdfast-record/v1") LP(install) LP(tenant) LP(table) LP(column) LP(row id) LP(session) u64(seq) bytes 0..5
 */
import { randomBytes } from 'node:crypto';
import { createIvSource, decrypt, encrypt, IV_BYTES, type Random, TAG_BYTES } from './aead.ts';
import { isUint, writeLengthPrefixed, writeUint64 } from './length-prefix.ts';
import { SealError } from './seal-error.ts';
import type { Place, SessionKey } from './types.ts';

const FORMAT = 0x01;
const SUITE = 0x01;
const HEADER_BYTES = 6;
const CONTEXT = 'holdfast-record/v1';
const OVERHEAD_BYTES = HEADER_BYTES + IV_BYTES + TAG_BYTES;

/** Size of the record that seals `plaintextBytes`: 34 bytes more. */
export function sealedBytes(plaintextBytes: number): number {
  return plaintextBytes + OVERHEAD_BYTES;
}

/** Seals a value for its place; strings as UTF-8 (a lone surrogate becomes U+FFFD there). Throws RangeError for a seq or version out of range. */
export type Seal = (key: SessionKey, place: Place, plaintext: Uint8Array | string) => Buffer;

/** A sealer with IVs of its own; tests and vectors hand in their randomness. */
export function createSeal(random: Random): Seal {
  const nextIv = createIvSource(random);
  return (key, place, plaintext) => {
    const header = recordHeader(key.version);
    // Handing a string to the cipher itself is a third slower than encoding it here.
    const bytes = typeof plaintext === 'string' ? Buffer.from(plaintext) : plaintext;
    return encrypt(key.recordKey, { header, iv: nextIv(), aad: additionalData(place, header) }, bytes);
  };
}

/** The process's sealer, with IVs from the system. */
export const seal: Seal = createSeal(randomBytes);

/**
 * Opens a record of exactly this key and place. Throws SealError, always the same, for everything else: damage, another place, another
 * key or version, an unknown format, a record cut short. There is no plaintext fallback.
 */
export function open(key: SessionKey, place: Place, record: Uint8Array): Buffer {
  if (record.length < OVERHEAD_BYTES) throw new SealError();
  const header = record.subarray(0, HEADER_BYTES);
  if (!isHeaderOf(header, key.version)) throw new SealError();
  if (!isUint(place.seq)) throw new SealError(); // a damaged row, not a caller's mistake
  return decrypt(key.recordKey, HEADER_BYTES, additionalData(place, header), record);
}

function recordHeader(version: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header[0] = FORMAT;
  header[1] = SUITE;
  header.writeUInt32BE(version, 2);
  return header;
}

function isHeaderOf(header: Uint8Array, version: number): boolean {
  return (
    header[0] === FORMAT &&
    header[1] === SUITE &&
    version === version >>> 0 &&
    header[2] === version >>> 24 &&
    header[3] === ((version >>> 16) & 0xff) &&
    header[4] === ((version >>> 8) & 0xff) &&
    header[5] === (version & 0xff)
  );
}

function additionalData(place: Place, header: Uint8Array): Buffer {
  const { install, tenant, table, column, rowId, sessionId } = place;
  const units = CONTEXT.length + install.length + tenant.length + table.length + column.length + rowId.length + sessionId.length;
  const data = Buffer.allocUnsafe(7 * 4 + units * 3 + 8 + HEADER_BYTES); // UTF-8 takes at most 3 bytes for a UTF-16 unit
  let end = writeLengthPrefixed(data, 0, CONTEXT);
  end = writeLengthPrefixed(data, end, install);
  end = writeLengthPrefixed(data, end, tenant);
  end = writeLengthPrefixed(data, end, table);
  end = writeLengthPrefixed(data, end, column);
  end = writeLengthPrefixed(data, end, rowId);
  end = writeLengthPrefixed(data, end, sessionId);
  end = writeUint64(data, end, place.seq);
  data.set(header, end);
  return data.subarray(0, end + HEADER_BYTES);
}
