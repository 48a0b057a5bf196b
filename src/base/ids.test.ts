import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { createIds, type IdPrefix, isId } from './ids.ts';

const at = (now: () => number) => ({ ...systemClock, now });
const PREFIXES: IdPrefix[] = ['agt', 'ses', 'trn', 'msg', 'key', 'req', 'stp'];
const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

/** The 128 bits of an id, by big integers. */
function bitsOf(id: string): bigint {
  return [...id.slice(4)].reduce((sum, character) => sum * 32n + BigInt(CROCKFORD.indexOf(character)), 0n);
}

describe('an id', () => {
  test('is its prefix and a UUIDv7 of the moment: time, version 7, variant 10, in 26 characters', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PREFIXES),
        fc.integer({ min: 0, max: 2 ** 48 - 1 }),
        fc.uint8Array({ minLength: 10, maxLength: 10 }),
        (prefix, now, random) => {
          const pool = (bytes: number) => Buffer.alloc(bytes, Buffer.from(random));
          const id = createIds(
            at(() => now),
            pool,
          ).make(prefix);
          expect(id).toMatch(new RegExp(`^${prefix}_[0-7][${CROCKFORD}]{25}$`));
          const bits = bitsOf(id);
          expect(bits >> 80n).toBe(BigInt(now));
          expect((bits >> 76n) & 0xfn).toBe(7n);
          expect((bits >> 62n) & 3n).toBe(2n);
          const drawn = BigInt(`0x${Buffer.from(random).toString('hex')}`);
          expect(bits & ((1n << 62n) - 1n)).toBe(drawn & ((1n << 62n) - 1n));
          expect(isId(id, prefix)).toBe(true);
        },
      ),
    );
  });

  test('sorts by the time it was made', () => {
    let now = 1_700_000_000_000;
    const ids = createIds(at(() => now++));
    const made = Array.from({ length: 2000 }, () => ids.make('trn'));
    expect(made.toSorted()).toEqual(made);
  });

  test('is unique, also within a millisecond, when the clock stands or goes back, and past the end of a pool', () => {
    const times = [5, 5, 4, 3, 9, 9, 1].map((ms) => 1_700_000_000_000 + ms);
    let i = 0;
    const ids = createIds(at(() => times[i++ % times.length] ?? 0));
    const made = Array.from({ length: 20_000 }, () => ids.make('msg'));
    expect(new Set(made).size).toBe(20_000);
    expect(made.every((id) => isId(id, 'msg'))).toBe(true);
  });

  test('uses every random byte once', () => {
    let next = 0;
    const counted = (bytes: number) => Buffer.from(Array.from({ length: bytes }, () => next++ & 0xff));
    const ids = createIds(
      at(() => 0),
      counted,
    );
    const first = bitsOf(ids.make('req')) & 0xffffn;
    const second = bitsOf(ids.make('req')) & 0xffffn;
    expect([first, second]).toEqual([0x0809n, 0x1213n]);
  });
});

describe('isId', () => {
  const id = createIds(systemClock).make('ses');
  test.each([
    ['another kind', id.replace('ses', 'trn')],
    ['one character less', id.slice(0, -1)],
    ['one character more', `${id}0`],
    ['upper case', id.toUpperCase()],
    ['a letter outside the alphabet', `${id.slice(0, -1)}u`],
    ['a newline at the end', `${id}\n`],
    ['something before it', ` ${id}`],
    ['nothing', ''],
  ])('is false for %s', (_name, text) => {
    expect(isId(text, 'ses')).toBe(false);
  });
});
