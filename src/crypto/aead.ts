/** AES-256-GCM as this program uses it: 96-bit random IV, 128-bit tag, `header || IV || ciphertext || tag`. Nothing else calls a cipher. */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { SealError } from './seal-error.ts';

export type Random = (bytes: number) => Buffer;

export const IV_BYTES = 12;
export const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';
/** Without it Node accepts tags cut to 4 bytes, which an attacker can guess. */
const OPTIONS = { authTagLength: TAG_BYTES };
const IV_POOL = 256;

/**
 * Fresh IVs, 256 for one call to the kernel: asked one by one they cost a third of sealing a short message. An IV is public, so a pool of
 * coming ones is no secret; no slice is ever handed out twice.
 */
export function createIvSource(random: Random): () => Buffer {
  let pool: Buffer = Buffer.alloc(0);
  let used = 0;
  return () => {
    if (used + IV_BYTES > pool.length) {
      pool = random(IV_POOL * IV_BYTES);
      used = 0;
    }
    used += IV_BYTES;
    return pool.subarray(used - IV_BYTES, used);
  };
}

/**
 * The result owns its memory instead of lying in Buffer's shared pool: it crosses to the writer thread, and a structured clone of a pooled
 * slice copies the whole 8 KiB slab, neighbours' plaintext included.
 */
export function encrypt(key: KeyObject, box: { header: Uint8Array; iv: Uint8Array; aad: Uint8Array }, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv(CIPHER, key, box.iv, OPTIONS).setAAD(box.aad);
  const body = cipher.update(plaintext);
  cipher.final(); // always empty in GCM, which pads nothing
  const start = box.header.length + IV_BYTES;
  const record = Buffer.allocUnsafeSlow(start + body.length + TAG_BYTES);
  record.set(box.header);
  record.set(box.iv, box.header.length);
  record.set(body, start);
  record.set(cipher.getAuthTag(), start + body.length);
  return record;
}

/** Throws SealError and never hands out a byte of what did not authenticate. */
export function decrypt(key: KeyObject, headerBytes: number, aad: Uint8Array, record: Uint8Array): Buffer {
  const start = headerBytes + IV_BYTES;
  const end = record.length - TAG_BYTES;
  if (end < start) throw new SealError();
  try {
    const decipher = createDecipheriv(CIPHER, key, record.subarray(headerBytes, start), OPTIONS)
      .setAAD(aad)
      .setAuthTag(record.subarray(end));
    const plaintext = decipher.update(record.subarray(start, end));
    decipher.final();
    return plaintext;
  } catch {
    // OpenSSL's reason is dropped: it would tell kinds of damage apart.
    throw new SealError();
  }
}
