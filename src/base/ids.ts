import { randomBytes } from 'node:crypto';
import type { Clock } from './clock.ts';

/** Prefixes of `contract.md`. What follows is a UUIDv7 (RFC 9562) in Crockford base32, so ids sort by creation time. */
export type IdPrefix = 'agt' | 'ses' | 'trn' | 'msg' | 'key' | 'lgn' | 'req' | 'stp';

export interface Ids {
  make(prefix: IdPrefix): string;
}

/** 48 bits. */
const TIME_MAX = 2 ** 48 - 1;
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const POOL_BYTES = 10 * 256;
const ID = /^(agt|ses|trn|msg|key|lgn|req|stp)_[0-9a-hjkmnp-tv-z]{26}$/;

/** True for a well-formed id of that kind: decides between "not yours or absent" and a database look-up. */
export function isId(text: string, prefix: IdPrefix): boolean {
  return ID.test(text) && text.startsWith(prefix);
}

/** Random bytes come in pools: one call to the kernel serves 256 ids. */
export function createIds(clock: Clock, random: (bytes: number) => Buffer = randomBytes): Ids {
  let pool: Buffer = Buffer.alloc(0);
  let used = 0;
  const bytes = Buffer.alloc(16);
  return {
    make(prefix) {
      if (used + 10 > pool.length) {
        pool = random(POOL_BYTES);
        used = 0;
      }
      bytes.writeUIntBE(clock.now(), 0, 6);
      pool.copy(bytes, 6, used, used + 10);
      used += 10;
      bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
      bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
      return `${prefix}_${crockford(bytes)}`;
    },
  };
}

/** The lowest id that could have been made at this time (wall clock, milliseconds): ids sort by time. */
export function firstIdAt(prefix: IdPrefix, ms: number): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(Math.max(0, Math.min(ms, TIME_MAX)), 0, 6);
  return `${prefix}_${crockford(bytes)}`;
}

/** Five bits a character, with leading zero bits where they do not come out even: 128 bits are 26 characters, 256 are 52. */
export function crockford(bytes: Buffer): string {
  let text = '';
  let bits = 0;
  let held = (5 - ((bytes.length * 8) % 5)) % 5;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    held += 8;
    while (held >= 5) {
      held -= 5;
      text += ALPHABET[(bits >>> held) & 31];
    }
    bits &= (1 << held) - 1;
  }
  return text;
}
