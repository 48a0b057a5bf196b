import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../base/errors.ts';
import { open, seal } from './envelope.ts';
import { createKeyring, openKeyring } from './keyring.ts';
import { SealError } from './seal-error.ts';
import type { KeyringRow, Place } from './types.ts';
import { wrap } from './wrap.ts';

const place: Place = { install: 'i1', tenant: 't1', table: 'messages', column: 'parts', rowId: 'r1', sessionId: 's1', seq: 1 };
const newOwner = () => ({ kek: createSecretKey(randomBytes(32)), tenant: 't1', install: 'i1' });
const made = () => {
  const owner = newOwner();
  return { owner, ...createKeyring({ ...owner, now: () => 1234 }) };
};

/** Every spoiled copy of some bytes: each byte changed, and some cuts. */
function spoiled(bytes: Uint8Array): Uint8Array[] {
  const flipped = Array.from(bytes, (_, at) => Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ 0x40 : byte)));
  return [...flipped, bytes.subarray(0, bytes.length - 1), bytes.subarray(0, 4), new Uint8Array(0)];
}

function refusal(act: () => unknown): ConfigError {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('it opened');
}

describe('a new keyring', () => {
  test('has every key once, version 1, wrapped and dated', () => {
    const { rows } = made();
    expect(rows.map((row) => row.purpose).sort()).toEqual(['check', 'drk', 'index', 'mac-audit', 'mac-idempotency', 'tenant']);
    expect(rows.every((row) => row.version === 1 && row.createdAt === 1234 && row.tenant === 't1' && row.wrapped.length === 62)).toBe(true);
  });

  test('holds no key in clear: the bytes it drew are nowhere in its rows', () => {
    const drawn: Buffer[] = [];
    const random = (bytes: number): Buffer => {
      const fresh = randomBytes(bytes);
      drawn.push(Buffer.from(fresh));
      return fresh;
    };
    const { keyring, rows } = createKeyring({ ...newOwner(), now: () => 0, random });
    const { wrapped } = keyring.newSessionKey('s1');
    const stored = Buffer.concat([...rows.map((row) => row.wrapped), wrapped.wrapped, wrapped.commitment]);
    const secrets = drawn.filter((each) => each.length === 32);
    expect(secrets.length).toBe(6);
    for (const secret of secrets) expect(stored.includes(secret)).toBe(false);
  });

  test('opens again from its rows: same session keys, same tenant key, same MACs', () => {
    const { owner, keyring, rows } = made();
    const again = openKeyring({ ...owner, rows });
    const { key, wrapped } = keyring.newSessionKey('s1');
    expect(again.drkVersion).toBe(1);
    expect(open(again.unwrapSessionKey('s1', wrapped), place, seal(key, place, 'hi')).toString()).toBe('hi');
    expect(open(again.tenantKey, place, seal(keyring.tenantKey, place, 'hi')).toString()).toBe('hi');
    for (const purpose of ['audit', 'idempotency', 'index'] as const) {
      expect(again.mac(purpose, 'a', 'b').equals(keyring.mac(purpose, 'a', 'b'))).toBe(true);
    }
  });
});

describe('opening a keyring', () => {
  test('with another master key says so, with a fix, and not as an error of ours', () => {
    const { owner, rows } = made();
    const error = refusal(() => openKeyring({ ...owner, kek: createSecretKey(randomBytes(32)), rows }));
    expect(error.message).toContain('The master key does not open this data');
    expect(error.fix).toContain('HOLDFAST_MASTER_KEY');
  });

  test('of another install or tenant is refused', () => {
    const { owner, rows } = made();
    refusal(() => openKeyring({ ...owner, install: 'i2', rows }));
    refusal(() => openKeyring({ ...owner, tenant: 't2', rows }));
    refusal(() => openKeyring({ ...owner, tenant: 't2', rows: rows.map((row) => ({ ...row, tenant: 't2' })) }));
  });

  test('with any byte of any row changed is refused', () => {
    const { owner, rows } = made();
    for (const [at, row] of rows.entries()) {
      for (const wrapped of spoiled(row.wrapped)) refusal(() => openKeyring({ ...owner, rows: rows.with(at, { ...row, wrapped }) }));
      refusal(() => openKeyring({ ...owner, rows: rows.with(at, { ...row, version: 2 }) }));
      refusal(() => openKeyring({ ...owner, rows: rows.with(at, { ...row, version: -1 }) }));
    }
  });

  test('with any row missing is refused, and the missing one named', () => {
    const { owner, rows } = made();
    for (const row of rows) {
      const error = refusal(() => openKeyring({ ...owner, rows: rows.filter((each) => each !== row) }));
      expect(error.message).toContain(row.purpose);
    }
  });

  test('with two rows exchanged is refused: a key cannot serve another purpose', () => {
    const { owner, rows } = made();
    const find = (purpose: KeyringRow['purpose']) => rows.find((row) => row.purpose === purpose)?.wrapped ?? new Uint8Array();
    const swapped = rows.map((row) => ({
      ...row,
      wrapped: row.purpose === 'mac-audit' ? find('index') : row.purpose === 'index' ? find('mac-audit') : row.wrapped,
    }));
    expect(refusal(() => openKeyring({ ...owner, rows: swapped })).message).toContain('mac-audit');
  });

  test('takes a keyring with an older data root key: it wraps with the newest and opens with both', () => {
    const { owner, rows, keyring } = made();
    const old = keyring.newSessionKey('s1');
    // As a rotation will make it: the same wrapping, another version.
    const drk = { install: owner.install, tenant: owner.tenant, purpose: 'drk', keyId: '', version: 2, wrappedBy: 0 };
    const wrapped = wrap(owner.kek, drk, randomBytes(32), randomBytes(12));
    const rotated = openKeyring({ ...owner, rows: [...rows, { purpose: 'drk', tenant: 't1', version: 2, wrapped, createdAt: 5 }] });
    expect(rotated.drkVersion).toBe(2);
    expect(open(rotated.unwrapSessionKey('s1', old.wrapped), place, seal(old.key, place, 'old')).toString()).toBe('old');
    const fresh = rotated.newSessionKey('s2');
    expect(fresh.wrapped.drkVersion).toBe(2);
    expect(() => keyring.unwrapSessionKey('s2', fresh.wrapped)).toThrow(SealError);
  });
});

describe('a session key', () => {
  test('does not unwrap for another session, tenant, version or data root key', () => {
    const { owner, keyring, rows } = made();
    const { wrapped } = keyring.newSessionKey('s1');
    const attempts = [
      () => keyring.unwrapSessionKey('s2', wrapped),
      () => keyring.unwrapSessionKey('s1', { ...wrapped, version: 2 }),
      () => keyring.unwrapSessionKey('s1', { ...wrapped, version: -1 }),
      () => keyring.unwrapSessionKey('s1', { ...wrapped, drkVersion: 2 }),
      () => createKeyring({ ...owner, now: () => 0 }).keyring.unwrapSessionKey('s1', wrapped),
    ];
    for (const attempt of attempts) expect(attempt).toThrow(SealError);
    expect(openKeyring({ ...owner, rows }).unwrapSessionKey('s1', wrapped).version).toBe(1);
  });

  test('does not unwrap when a byte of it or of its commitment changed', () => {
    const { keyring } = made();
    const { wrapped } = keyring.newSessionKey('s1');
    for (const each of spoiled(wrapped.wrapped))
      expect(() => keyring.unwrapSessionKey('s1', { ...wrapped, wrapped: each })).toThrow(SealError);
    for (const each of spoiled(wrapped.commitment)) {
      expect(() => keyring.unwrapSessionKey('s1', { ...wrapped, commitment: each })).toThrow(SealError);
    }
  });

  test('is another for every session', () => {
    const { keyring } = made();
    const one = keyring.newSessionKey('s1').key;
    const two = keyring.newSessionKey('s1').key;
    expect(one.recordKey.equals(two.recordKey)).toBe(false);
    expect(() => open(two, place, seal(one, place, 'x'))).toThrow(SealError);
    expect(() => open(keyring.tenantKey, place, seal(one, place, 'x'))).toThrow(SealError);
  });
});

describe('a MAC', () => {
  test('is 32 bytes, the same for the same parts, another for another purpose', () => {
    const { keyring } = made();
    expect(keyring.mac('audit', 'a').length).toBe(32);
    const all = (['audit', 'idempotency', 'index'] as const).map((purpose) => keyring.mac(purpose, 'a').toString('hex'));
    expect(new Set(all).size).toBe(3);
    expect(keyring.mac('audit', 'a').toString('hex')).toBe(all[0]);
  });

  test('tells every two lists of parts apart', () => {
    const { keyring } = made();
    const lists = fc.array(fc.string({ unit: 'binary', maxLength: 6 }), { maxLength: 4 });
    fc.assert(
      fc.property(lists, lists, (a, b) => {
        const same = JSON.stringify(a) === JSON.stringify(b);
        expect(keyring.mac('index', ...a).equals(keyring.mac('index', ...b))).toBe(same);
      }),
    );
    expect(keyring.mac('index', 'ab', 'c').equals(keyring.mac('index', 'a', 'bc'))).toBe(false);
    expect(keyring.mac('index').equals(keyring.mac('index', ''))).toBe(false);
  });

  test('is HMAC-SHA-256 over length-prefixed parts, under a key that was drawn at random', () => {
    const drawn: Buffer[] = [];
    const random = (bytes: number): Buffer => {
      const fresh = randomBytes(bytes);
      drawn.push(Buffer.from(fresh));
      return fresh;
    };
    const { keyring } = createKeyring({ ...newOwner(), now: () => 0, random });
    const expected = drawn
      .filter((each) => each.length === 32)
      .map((key) =>
        createHmac('sha256', key)
          .update(Buffer.from('000000026162' + '00000002c3a9', 'hex'))
          .digest('hex'),
      );
    expect(expected).toContain(keyring.mac('idempotency', 'ab', 'é').toString('hex'));
  });
});
