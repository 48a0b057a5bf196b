/** From a session's secret (SEK) to the key that seals its records, and the commitment that tells one SEK from every other. */
import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { SessionKey } from './types.ts';

const KEY_BYTES = 32;
const NO_SALT = new Uint8Array(0);

/** 32 bytes of HKDF-SHA-512 without salt. One `info` for one use, for ever. */
export function derive(secret: Uint8Array | KeyObject, info: string): Buffer {
  return Buffer.from(hkdfSync('sha512', secret, NO_SALT, info, KEY_BYTES));
}

/**
 * Derives once per unwrap: per record it would cost 25 µs more and, under a random key per session, buy nothing. The caller wipes `sek`.
 * AES-GCM alone does not commit to its key (one ciphertext can be made that opens under two), hence the commitment.
 */
export function deriveSessionKey(sek: Uint8Array, version: number): SessionKey & { commitment: Buffer } {
  if (sek.length !== KEY_BYTES) throw new RangeError('a session secret is 32 bytes');
  const recordKey = derive(sek, 'holdfast/record/v1');
  const key = createSecretKey(recordKey);
  recordKey.fill(0);
  return { version, recordKey: key, commitment: derive(sek, 'holdfast/commit/v1') };
}
