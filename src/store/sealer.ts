import type { Place, SessionKey } from '../crypto/types.ts';

/** The cipher: `crypto/envelope.ts`, or in a test one that shows what would be written. */
export interface Sealer {
  seal(key: SessionKey, place: Place, plaintext: Uint8Array | string): Uint8Array;
  /** Throws for anything that is not the record of this key and place. */
  open(key: SessionKey, place: Place, record: Uint8Array): Uint8Array;
}
