import { spawnSync } from 'node:child_process';
import { createHash, type webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { makeVectors, printVectors, type Vector, type VectorFile } from '../../scripts/make-vectors.ts';
import { createSeal, open } from './envelope.ts';
import { SealError } from './seal-error.ts';
import { deriveSessionKey } from './session-key.ts';
import type { Place } from './types.ts';

const FOLDER = new URL('../../test/vectors/', import.meta.url);
const text = readFileSync(new URL('record-v1.json', FOLDER), 'utf8');
const file = JSON.parse(text) as VectorFile;

type Bytes = Uint8Array<ArrayBuffer>;
const bytes = (hex: string): Buffer<ArrayBuffer> => Buffer.from(hex, 'hex');

function plaintextOf({ plaintext }: Vector): Buffer<ArrayBuffer> {
  return 'hex' in plaintext ? bytes(plaintext.hex) : Buffer.alloc(plaintext.bytes, bytes(plaintext.repeat));
}

function expectRecord(vector: Vector, record: Uint8Array): void {
  if (vector.record !== undefined) expect(Buffer.from(record).toString('hex'), vector.name).toBe(vector.record);
  else expect(createHash('sha256').update(record).digest('hex'), vector.name).toBe(vector.recordSha256);
}

test('the vector file holds the reference of the design, at least 50 more, and at least 20 that must not open', () => {
  expect(file.vectors[0]?.record).toBe('0101000000032222222222222222222222227d7168216b2d84f591c481c3bc59fa399a8d3a2ea9');
  expect(file.vectors.length).toBeGreaterThan(50);
  expect(file.refused.length).toBeGreaterThanOrEqual(20);
});

test('the script makes exactly the committed file', () => {
  expect(printVectors(makeVectors())).toBe(text);
});

describe('our code', () => {
  test.each(file.vectors)('seals and opens byte-exact: $name', (vector) => {
    const key = deriveSessionKey(bytes(vector.sek), vector.version);
    expect(key.recordKey.export().toString('hex')).toBe(vector.recordKey);
    expect(key.commitment.toString('hex')).toBe(vector.commitment);
    const record = createSeal(() => bytes(vector.iv))(key, vector.place, plaintextOf(vector));
    expectRecord(vector, record);
    const stored = vector.record === undefined ? record : bytes(vector.record);
    expect(open(key, vector.place, stored).equals(plaintextOf(vector))).toBe(true);
  });

  test.each(file.refused)('does not open: $name', ({ sek, version, place, record }) => {
    expect(() => open(deriveSessionKey(bytes(sek), version), place, bytes(record))).toThrow(SealError);
  });
});

/** A second implementation, on WebCrypto alone. It must never import from the first. */
const other = {
  async derive(sek: Bytes, info: string): Promise<ArrayBuffer> {
    const base = await crypto.subtle.importKey('raw', sek, 'HKDF', false, ['deriveBits']);
    const kdf = { name: 'HKDF', hash: 'SHA-512', salt: new Uint8Array(0), info: new TextEncoder().encode(info) };
    return crypto.subtle.deriveBits(kdf, base, 256);
  },
  aad(place: Place, header: Uint8Array): Bytes {
    const out: number[] = [];
    for (const field of ['holdfast-record/v1', place.install, place.tenant, place.table, place.column, place.rowId, place.sessionId]) {
      const encoded = new TextEncoder().encode(field);
      const length = new DataView(new ArrayBuffer(4));
      length.setUint32(0, encoded.length);
      out.push(...new Uint8Array(length.buffer), ...encoded);
    }
    const seq = new DataView(new ArrayBuffer(8));
    seq.setBigUint64(0, BigInt(place.seq));
    return Uint8Array.from([...out, ...new Uint8Array(seq.buffer), ...header]);
  },
  header(version: number): Uint8Array {
    const view = new DataView(new ArrayBuffer(6));
    view.setUint16(0, 0x0101);
    view.setUint32(2, version);
    return new Uint8Array(view.buffer);
  },
  async cipher(sek: Bytes): Promise<webcrypto.CryptoKey> {
    return crypto.subtle.importKey('raw', await other.derive(sek, 'holdfast/record/v1'), 'AES-GCM', false, ['encrypt', 'decrypt']);
  },
  async seal(by: { sek: Bytes; version: number; iv: Bytes; place: Place }, plaintext: Bytes): Promise<Uint8Array> {
    const header = other.header(by.version);
    const how = { name: 'AES-GCM', iv: by.iv, additionalData: other.aad(by.place, header), tagLength: 128 };
    const body = await crypto.subtle.encrypt(how, await other.cipher(by.sek), plaintext);
    return Uint8Array.from([...header, ...by.iv, ...new Uint8Array(body)]);
  },
  async open(by: { sek: Bytes; version: number; place: Place }, record: Bytes): Promise<Uint8Array> {
    const header = other.header(by.version);
    if (record.length < 34 || header.some((byte, i) => byte !== record[i])) throw new Error('refused');
    const how = { name: 'AES-GCM', iv: record.slice(6, 18), additionalData: other.aad(by.place, header), tagLength: 128 };
    return new Uint8Array(await crypto.subtle.decrypt(how, await other.cipher(by.sek), record.slice(18)));
  },
};

describe('an independent implementation on WebCrypto', () => {
  test.each(file.vectors)('seals and opens byte-exact: $name', async (vector) => {
    const sek = bytes(vector.sek);
    expect(Buffer.from(await other.derive(sek, 'holdfast/commit/v1')).toString('hex')).toBe(vector.commitment);
    const by = { sek, version: vector.version, iv: bytes(vector.iv), place: vector.place };
    const record = await other.seal(by, plaintextOf(vector));
    expectRecord(vector, record);
    expect(plaintextOf(vector).equals(await other.open(by, Uint8Array.from(record)))).toBe(true);
  });

  test.each(file.refused)('does not open: $name', async ({ sek, version, place, record }) => {
    await expect(other.open({ sek: bytes(sek), version, place }, bytes(record))).rejects.toThrow();
  });
});

describe('the Python implementation', () => {
  const ready = spawnSync('python3', ['-c', 'import cryptography'], { stdio: 'ignore' }).status === 0;
  if (!ready) console.warn('SKIPPED: test/vectors/open_vectors.py was not run: no python3 with the package `cryptography` here.');

  test.skipIf(!ready)('opens every vector and refuses every bad one', () => {
    const run = spawnSync('python3', [fileURLToPath(new URL('open_vectors.py', FOLDER))], { encoding: 'utf8' });
    expect(run.stderr).toBe('');
    expect(JSON.parse(run.stdout)).toEqual({ opened: file.vectors.length, refused: file.refused.length });
  });
});
