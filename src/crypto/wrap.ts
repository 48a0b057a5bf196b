/**
 * Wrapped keys, format v1: 32 bytes of key material sealed by the key above it.
 *
 *     0   1  format 0x01
 *     1   1  suite  0x01 = AES-256-GCM, 96-bit random IV, 128-bit tag
 *     2  12  IV
 *    14  32  ciphertext
 *    46  16  tag
 *     AAD = LP("holdfast-wrap/v1") LP(install) LP(tenant) LP(purpose) LP(key id) u64(version) u64(wrapped by) bytes 0..1
 */
import type { KeyObject } from 'node:crypto';
import { decrypt, encrypt } from './aead.ts';
import { isUint, lengthPrefixedBytesMax, writeLengthPrefixed, writeUint64 } from './length-prefix.ts';
import { SealError } from './seal-error.ts';

/** What a wrapped key is and whose. `wrappedBy` is the version of the data root key, 0 for the master key. */
export interface KeyPlace {
  install: string;
  tenant: string;
  purpose: string;
  keyId: string;
  version: number;
  wrappedBy: number;
}

const CONTEXT = 'holdfast-wrap/v1';
const HEADER = new Uint8Array([0x01, 0x01]);

export function wrap(by: KeyObject, place: KeyPlace, secret: Uint8Array, iv: Uint8Array): Buffer {
  return encrypt(by, { header: HEADER, iv, aad: additionalData(place) }, secret);
}

/** Throws SealError. The caller wipes what it gets. */
export function unwrap(by: KeyObject, place: KeyPlace, wrapped: Uint8Array): Buffer {
  if (wrapped[0] !== HEADER[0] || wrapped[1] !== HEADER[1]) throw new SealError();
  if (!isUint(place.version) || !isUint(place.wrappedBy)) throw new SealError(); // a damaged row, not a caller's mistake
  return decrypt(by, HEADER.length, additionalData(place), wrapped);
}

function additionalData(place: KeyPlace): Buffer {
  const fields = [CONTEXT, place.install, place.tenant, place.purpose, place.keyId];
  const data = Buffer.allocUnsafe(lengthPrefixedBytesMax(fields) + 2 * 8 + HEADER.length);
  let end = 0;
  for (const field of fields) end = writeLengthPrefixed(data, end, field);
  end = writeUint64(data, end, place.version);
  end = writeUint64(data, end, place.wrappedBy);
  data.set(HEADER, end);
  return data.subarray(0, end + HEADER.length);
}
