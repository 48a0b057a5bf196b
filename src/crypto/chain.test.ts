import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ChainRow, GENESIS, linkHash } from './chain.ts';

const row: ChainRow = {
  writer: 'w1',
  seq: 1,
  at: 1_750_000_000_000,
  tenant: 't1',
  principal: 'key_1',
  action: 'turn.accept',
  target: 'trn_1',
  requestId: 'req_1',
  outcome: 'ok',
  detail: '{"parts":1}',
};

/** Written from the byte layout in the docstring alone. */
function byTheBook(previous: Uint8Array, it: ChainRow): string {
  const lp = (text: string): string => Buffer.byteLength(text).toString(16).padStart(8, '0') + Buffer.from(text).toString('hex');
  const u64 = (n: number): string => BigInt(n).toString(16).padStart(16, '0');
  const hex =
    lp('holdfast-audit/v1') +
    Buffer.from(previous).toString('hex') +
    lp(it.writer) +
    u64(it.seq) +
    u64(it.at) +
    [it.tenant, it.principal, it.action, it.target, it.requestId, it.outcome, it.detail].map(lp).join('');
  return createHash('sha256').update(hex, 'hex').digest('hex');
}

const texts = fc.string({ unit: 'binary', maxLength: 30 });
const rows: fc.Arbitrary<ChainRow> = fc.record({
  writer: texts,
  seq: fc.maxSafeNat(),
  at: fc.maxSafeNat(),
  tenant: texts,
  principal: texts,
  action: texts,
  target: texts,
  requestId: texts,
  outcome: texts,
  detail: texts,
});

test('a link never changes: a stored chain would break', () => {
  expect(linkHash(GENESIS, row).toString('hex')).toBe('e468fcb48063eb3a7daef8cbb4e1142f5661cf6fae28ebc07de428c70d1a8d0f');
});

test('a link is the SHA-256 of the documented bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), rows, (previous, it) => {
      expect(linkHash(previous, it).toString('hex')).toBe(byTheBook(previous, it));
    }),
  );
});

test('every field and the previous hash count', () => {
  const base = linkHash(GENESIS, row);
  const changed = Object.entries(row).map(([name, value]) => ({ ...row, [name]: typeof value === 'number' ? value + 1 : `${value}x` }));
  const hashes = [base, linkHash(base, row), ...changed.map((it) => linkHash(GENESIS, it))].map((hash) => hash.toString('hex'));
  expect(new Set(hashes).size).toBe(Object.keys(row).length + 2);
});

test('fields moved across their border give another hash', () => {
  const a = linkHash(GENESIS, { ...row, action: 'turn.end', target: 'trn_1' });
  const b = linkHash(GENESIS, { ...row, action: 'turn.endt', target: 'rn_1' });
  expect(a.equals(b)).toBe(false);
});

test('what cannot be a link is refused instead of hashed', () => {
  expect(() => linkHash(new Uint8Array(31), row)).toThrow(RangeError);
  expect(() => linkHash(GENESIS, { ...row, seq: -1 })).toThrow(RangeError);
  expect(() => linkHash(GENESIS, { ...row, at: 0.5 })).toThrow(RangeError);
});
