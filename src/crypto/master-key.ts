/** The master key (KEK) as people handle it: 32 bytes in base64. */
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { ConfigError } from '../base/errors.ts';
import type { Random } from './aead.ts';

export const KEY_BYTES = 32;
const BASE64 = /^[A-Za-z0-9+/_-]{43}=?$/;
const HEX = /^[0-9a-fA-F]{64}$/;

/** For a home without data; runs wherever the agent runs, needing nothing but Node. */
const FIX = `export HOLDFAST_MASTER_KEY="$(node -p "crypto.randomBytes(32).toString('base64')")"`;

/** A new master key, standard base64. */
export function generateMasterKey(random: Random = randomBytes): string {
  return random(KEY_BYTES).toString('base64');
}

/**
 * Takes 32 bytes of base64 or base64url, padding optional, white space around it ignored. Throws ConfigError for anything else and for keys
 * that no random source made: one repeated byte, or text somebody typed (32 random bytes are all printable once in 10^13). The message never
 * quotes the key.
 */
export function parseMasterKey(text: string): KeyObject {
  const trimmed = text.trim();
  const bytes = decode(trimmed);
  const wrong = bytes ? weakness(bytes) : shapeProblem(trimmed);
  if (wrong || !bytes)
    throw new ConfigError(
      `The master key cannot be used: ${wrong}. A new one serves an empty home only; data needs the key it was made with.`,
      FIX,
    );
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

/** Undefined unless the text is the one canonical spelling of 32 bytes: no second alphabet, no stray bits at the end. */
function decode(text: string): Buffer | undefined {
  if (!BASE64.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  const bare = text.replace('=', '');
  const spellings = [bytes.toString('base64url'), bytes.toString('base64').replace('=', '')];
  return spellings.includes(bare) ? bytes : undefined;
}

function shapeProblem(text: string): string {
  if (text === '') return 'it is empty';
  if (HEX.test(text)) return 'it is written in hexadecimal, and base64 is needed';
  return 'it is not exactly 32 bytes in base64 (44 characters)';
}

function weakness(bytes: Buffer): string | undefined {
  if (bytes.every((byte) => byte === 0)) return 'it is all zeros';
  if (bytes.every((byte) => byte === bytes[0])) return 'it repeats one byte';
  if (bytes.every(isPrintable)) return 'it is printable text, not random bytes';
  return undefined;
}

function isPrintable(byte: number): boolean {
  return (byte >= 0x20 && byte <= 0x7e) || (byte >= 0x09 && byte <= 0x0d);
}
