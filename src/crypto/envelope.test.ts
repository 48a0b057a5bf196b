import { createCipheriv, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSeal, open, seal, sealedBytes } from './envelope.ts';
import { SealError } from './seal-error.ts';
import { deriveSessionKey } from './session-key.ts';
import type { Place } from './types.ts';

const key = deriveSessionKey(Buffer.alloc(32, 0x11), 3);
const place: Place = { install: 'i1', tenant: 't1', table: 'turns', column: 'content', rowId: 'r1', sessionId: 's1', seq: 7 };

const texts = fc.string({ unit: 'binary', maxLength: 40 });
const places: fc.Arbitrary<Place> = fc.record({
  install: texts,
  tenant: texts,
  table: texts,
  column: texts,
  rowId: texts,
  sessionId: texts,
  seq: fc.maxSafeNat(),
});

describe('a sealed record', () => {
  test('is the reference vector of the design, byte by byte', () => {
    const record = createSeal((bytes) => Buffer.alloc(bytes, 0x22))(key, place, 'hello');
    expect(record.toString('hex')).toBe('010100000003222222222222222222222222' + '7d7168216b' + '2d84f591c481c3bc59fa399a8d3a2ea9');
    expect(open(key, place, record).toString()).toBe('hello');
  });

  test('opens to the very bytes, whatever they are and wherever it lies, and is 34 bytes longer', () => {
    fc.assert(
      fc.property(places, fc.uint8Array({ maxLength: 2000 }), (where, plaintext) => {
        const record = seal(key, where, plaintext);
        expect(record.length).toBe(sealedBytes(plaintext.length));
        expect(record.length).toBe(plaintext.length + 34);
        expect(new Uint8Array(open(key, where, record))).toEqual(plaintext);
      }),
    );
  });

  test('keeps every well-formed string exact', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-composite', maxLength: 200 }), (text) => {
        expect(open(key, place, seal(key, place, text)).toString()).toBe(text);
      }),
    );
  });

  test('never opens with any one bit flipped', () => {
    const record = seal(key, place, 'hello');
    for (let bit = 0; bit < record.length * 8; bit++) {
      const damaged = Buffer.from(record);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => open(key, place, damaged), `bit ${bit}`).toThrow(SealError);
    }
  });

  test('never opens after any change to its bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (plaintext, at, mask) => {
        const record = seal(key, place, plaintext);
        const index = at % record.length;
        record[index] = (record[index] ?? 0) ^ mask;
        expect(() => open(key, place, record)).toThrow(SealError);
      }),
    );
  });

  test('never opens at another place', () => {
    fc.assert(
      fc.property(places, places, fc.constantFrom(...(Object.keys(place) as (keyof Place)[])), (from, other, field) => {
        const to = { ...from, [field]: other[field] };
        fc.pre(to[field] !== from[field]);
        expect(() => open(key, to, seal(key, from, 'x'))).toThrow(SealError);
      }),
    );
  });

  test('never opens where two fields only look the same when joined', () => {
    fc.assert(
      fc.property(texts, texts, fc.nat(), (left, right, cut) => {
        const joined = left + right;
        const at = cut % (joined.length + 1);
        const table = joined.slice(0, at);
        fc.pre(table !== left && table.isWellFormed() && joined.slice(at).isWellFormed());
        const record = seal(key, { ...place, table: left, column: right }, 'x');
        expect(() => open(key, { ...place, table, column: joined.slice(at) }, record)).toThrow(SealError);
      }),
    );
  });

  test('never opens cut short at any length, not even with a tag of 4 bytes that Node would take', () => {
    const record = seal(key, place, 'hello');
    for (let kept = 0; kept < record.length; kept++) {
      expect(() => open(key, place, record.subarray(0, kept)), `${kept} bytes`).toThrow(SealError);
    }
  });

  test('never opens under another key or another version of it', () => {
    const record = seal(key, place, 'hello');
    expect(() => open(deriveSessionKey(randomBytes(32), 3), place, record)).toThrow(SealError);
    expect(() => open({ ...key, version: 4 }, place, record)).toThrow(SealError);
    expect(() => open({ ...key, version: 3 + 2 ** 32 }, place, seal({ ...key, version: 3 }, place, 'x'))).toThrow(SealError);
  });

  test('has the very same error for every kind of damage, without a cause', () => {
    const record = seal(key, place, 'hello');
    const kinds: [Place, Uint8Array][] = [
      [place, record.subarray(0, 10)],
      [place, Buffer.concat([Buffer.from([9]), record.subarray(1)])],
      [{ ...place, tenant: 'other' }, record],
      [{ ...place, seq: -1 }, record],
      [{ ...place, seq: 0.5 }, record],
    ];
    const seen = kinds.map(([where, bytes]) => {
      try {
        open(key, where, bytes);
      } catch (error) {
        return error instanceof SealError ? `${error.message} ${error.code} ${String(error.cause)}` : `not ours: ${String(error)}`;
      }
      return 'opened';
    });
    expect(new Set(seen)).toEqual(new Set(['This does not open. seal_broken undefined']));
  });

  test('is refused when only the version in its header matches and an attacker made the rest without the key', () => {
    const forged = createCipheriv('aes-256-gcm', Buffer.alloc(32), Buffer.alloc(12), { authTagLength: 16 });
    const body = Buffer.concat([forged.update('admin'), forged.final()]);
    const record = Buffer.concat([Buffer.from('010100000003', 'hex'), Buffer.alloc(12), body, forged.getAuthTag()]);
    expect(() => open(key, place, record)).toThrow(SealError);
  });
});

describe('sealing', () => {
  test('uses an IV once', () => {
    const ivs = new Set<string>();
    for (let i = 0; i < 3000; i++) ivs.add(seal(key, place, 'same').toString('hex', 6, 18));
    expect(ivs.size).toBe(3000);
  });

  test('gives a record memory of its own, so that a copy to another thread takes nothing else along', () => {
    const record = seal(key, place, 'hello');
    expect(record.buffer.byteLength).toBe(record.length);
  });

  test('refuses a seq that is not an exact unsigned integer', () => {
    for (const seq of [-1, 1.5, 2 ** 53, Number.NaN]) expect(() => seal(key, { ...place, seq }, 'x')).toThrow(RangeError);
  });
});
