/**
 * Writes test/vectors/record-v1.json, the test vectors of the record format; the same bytes on every run. `--check` compares instead.
 * Long plaintexts are given as a pattern to repeat, and their records as a SHA-256, so that the file stays small.
 */
import { createCipheriv, createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createSeal } from '../src/crypto/envelope.ts';
import { deriveSessionKey } from '../src/crypto/session-key.ts';
import type { Place } from '../src/crypto/types.ts';

/** Everything binary is hexadecimal. */
export interface Vector {
  name: string;
  sek: string;
  recordKey: string;
  commitment: string;
  version: number;
  iv: string;
  place: Place;
  plaintext: { hex: string } | { repeat: string; bytes: number };
  record?: string;
  recordSha256?: string;
}

/** A record that must not open under this key, version and place. */
export interface Refusal {
  name: string;
  sek: string;
  version: number;
  place: Place;
  record: string;
}

export interface VectorFile {
  format: string;
  vectors: Vector[];
  refused: Refusal[];
}

const FILE = new URL('../test/vectors/record-v1.json', import.meta.url);
const INLINE_BYTES_MAX = 300;
const BASE: Place = { install: 'i1', tenant: 't1', table: 'turns', column: 'content', rowId: 'r1', sessionId: 's1', seq: 7 };

/** Deterministic bytes: SHA-256 of a label and a counter. */
function bytesOf(label: string, count: number): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 32 < count; i++) blocks.push(createHash('sha256').update(`${label}/${i}`).digest());
  return Buffer.concat(blocks).subarray(0, count);
}

interface Case {
  name: string;
  plaintext: Buffer;
  repeat?: Buffer;
  sek?: Buffer;
  iv?: Buffer;
  version?: number;
  place?: Partial<Place>;
}

function make(input: Case): Vector {
  const { name, plaintext, repeat } = input;
  const sek = input.sek ?? bytesOf(`sek of ${name}`, 32);
  const iv = input.iv ?? bytesOf(`iv of ${name}`, 12);
  const place = { ...BASE, ...input.place };
  const key = deriveSessionKey(sek, input.version ?? 1);
  const record = createSeal(() => iv)(key, place, plaintext);
  const short = plaintext.length <= INLINE_BYTES_MAX;
  return {
    name,
    sek: sek.toString('hex'),
    recordKey: key.recordKey.export().toString('hex'),
    commitment: key.commitment.toString('hex'),
    version: key.version,
    iv: iv.toString('hex'),
    place,
    plaintext: repeat && !short ? { repeat: repeat.toString('hex'), bytes: plaintext.length } : { hex: plaintext.toString('hex') },
    ...(short ? { record: record.toString('hex') } : { recordSha256: createHash('sha256').update(record).digest('hex') }),
  };
}

const LENGTHS = [0, 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1024, 4095, 4096, 4097, 16_384, 65_535, 65_536];
const TEXTS = [
  'Grüße aus Köln',
  '漢字かな交じり文',
  '🤖 Processing: 👩‍👩‍👧‍👦',
  'e\u0301 is not \u00e9',
  '\u0000 inside',
  'line\r\nline\u2028line',
  '\u202eright to left\u202c',
  '\ufefffirst a BOM',
  'a\u0300\u0301\u0302\u0303\u0304',
  '\u{e0041}\u{e007f} tags',
];
const VERSIONS = [0, 1, 2, 255, 256, 65_536, 2_147_483_647, 2_147_483_648, 4_294_967_295];
const PLACES: [string, Partial<Place>][] = [
  ['no session', { sessionId: '' }],
  ['everything empty', { install: '', tenant: '', table: '', column: '', rowId: '', sessionId: '', seq: 0 }],
  ['seq 0', { seq: 0 }],
  ['seq beyond 32 bits', { seq: 4_294_967_296 }],
  ['greatest seq', { seq: Number.MAX_SAFE_INTEGER }],
  ['fields that look joined', { table: 'turns/content', column: '' }],
  ['the same letters cut elsewhere', { table: 'turns', column: '/content' }],
  ['Unicode tenant', { tenant: 'Müller & Söhne 株式会社 🏠' }],
  ['NUL in a field', { rowId: 'r\u00001' }],
  ['long fields', { install: 'i'.repeat(300), rowId: 'ß'.repeat(200) }],
  ['ids as they are', { rowId: 'msg_01jvw3x8d2e7tb9k4m6n0pqrst', sessionId: 'ses_01jvw3x8d2e7tb9k4m6n0pqrst', seq: 4097 }],
];

function openable(): Vector[] {
  const reference = {
    name: 'reference',
    sek: Buffer.alloc(32, 0x11),
    iv: Buffer.alloc(12, 0x22),
    version: 3,
    plaintext: Buffer.from('hello'),
  };
  const ofLength = (length: number): Case => {
    const repeat = bytesOf(`pattern ${length}`, 32);
    return { name: `${length} bytes`, repeat, plaintext: Buffer.alloc(length, repeat) };
  };
  return [
    make(reference),
    ...LENGTHS.map((length) => make(ofLength(length))),
    ...TEXTS.map((text, i) => make({ name: `text ${i + 1}`, plaintext: Buffer.from(text) })),
    ...VERSIONS.map((version) => make({ name: `version ${version}`, version, plaintext: Buffer.from('version') })),
    ...PLACES.map(([name, place]) => make({ name, place, plaintext: Buffer.from('place') })),
    make({ name: 'invalid UTF-8', plaintext: Buffer.from('c328fffe80', 'hex') }),
    make({ name: 'IV of zeros', iv: Buffer.alloc(12), plaintext: Buffer.from('zero') }),
  ];
}

const REGIONS: [string, number][] = [
  ['format', 0],
  ['suite', 1],
  ['first version byte', 2],
  ['last version byte', 5],
  ['first IV byte', 6],
  ['last IV byte', 17],
  ['first ciphertext byte', 18],
  ['last ciphertext byte', 22],
  ['first tag byte', 23],
  ['last tag byte', 38],
];

function refusals(good: Vector): Refusal[] {
  const record = Buffer.from(good.record ?? '', 'hex');
  const refuse = (name: string, change: Partial<Refusal>): Refusal => ({
    name,
    sek: good.sek,
    version: good.version,
    place: good.place,
    record: record.toString('hex'),
    ...change,
  });
  const flip = (at: number, mask: number): string => Buffer.from(record.map((byte, i) => (i === at ? byte ^ mask : byte))).toString('hex');
  const moved = (change: Partial<Place>): Partial<Refusal> => ({ place: { ...good.place, ...change } });
  return [
    ...REGIONS.flatMap(([region, at]) => [
      refuse(`lowest bit of ${region} flipped`, { record: flip(at, 0x01) }),
      refuse(`highest bit of ${region} flipped`, { record: flip(at, 0x80) }),
    ]),
    ...[15, 14, 13, 12, 8, 4, 1, 0].map((kept) =>
      refuse(`tag cut to ${kept} bytes`, { record: record.subarray(0, record.length - 16 + kept).toString('hex') }),
    ),
    refuse('empty record', { record: '' }),
    refuse('header alone', { record: record.subarray(0, 6).toString('hex') }),
    refuse('one byte too many', { record: `${record.toString('hex')}00` }),
    refuse('ciphertext removed', { record: Buffer.concat([record.subarray(0, 18), record.subarray(23)]).toString('hex') }),
    ...(['install', 'tenant', 'table', 'column', 'rowId', 'sessionId'] as const).flatMap((field) => [
      refuse(`another ${field}`, moved({ [field]: `${good.place[field]}x` })),
      refuse(`no ${field}`, moved({ [field]: '' })),
    ]),
    refuse('seq one more', moved({ seq: good.place.seq + 1 })),
    refuse('seq plus 2^32', moved({ seq: good.place.seq + 4_294_967_296 })),
    refuse('table and column joined elsewhere', moved({ table: 'turnsc', column: 'ontent' })),
    refuse('row and session exchanged', moved({ rowId: good.place.sessionId, sessionId: good.place.rowId })),
    refuse('another key version', { version: good.version + 1 }),
    refuse('another key', { sek: bytesOf('another key', 32).toString('hex') }),
    ...crafted(good).map(([name, bytes]) => refuse(name, { record: bytes.toString('hex') })),
  ];
}

/** Records that a careless writer could have made: the right key, but less than the place in the AAD. */
function crafted(good: Vector): [string, Buffer][] {
  const { install, tenant, table, column, rowId, sessionId, seq } = good.place;
  const header = Buffer.from(good.record ?? '', 'hex').subarray(0, 6);
  const lp = (text: string): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(text));
    return Buffer.concat([length, Buffer.from(text)]);
  };
  const u64 = Buffer.alloc(8);
  u64.writeBigUInt64BE(BigInt(seq));
  const fields = ['holdfast-record/v1', install, tenant, table, column, rowId, sessionId];
  const all = [...fields.map(lp), u64, header];
  const sealWith = (key: string, aad: Buffer): Buffer => {
    const iv = Buffer.from(good.iv, 'hex');
    const cipher = createCipheriv('aes-256-gcm', Buffer.from(key, 'hex'), iv, { authTagLength: 16 }).setAAD(aad);
    const body = cipher.update('hello');
    cipher.final();
    return Buffer.concat([header, iv, body, cipher.getAuthTag()]);
  };
  return [
    ['made without an AAD', sealWith(good.recordKey, Buffer.alloc(0))],
    ['made without the tenant', sealWith(good.recordKey, Buffer.concat(all.filter((_, i) => i !== 2)))],
    ['made without the header', sealWith(good.recordKey, Buffer.concat(all.slice(0, -1)))],
    ['made with joined fields', sealWith(good.recordKey, Buffer.from([...fields, seq].join('/')))],
    ['made with the session secret itself', sealWith(good.sek, Buffer.concat(all))],
  ];
}

export function makeVectors(): VectorFile {
  const vectors = openable();
  const [reference] = vectors;
  return { format: 'holdfast-record/v1', vectors, refused: reference ? refusals(reference) : [] };
}

/** One case a line: a change shows as the line it touches. */
export function printVectors(file: VectorFile): string {
  const lines = (cases: object[]): string => cases.map((each) => `    ${JSON.stringify(each)}`).join(',\n');
  return `{\n  "format": ${JSON.stringify(file.format)},\n  "vectors": [\n${lines(file.vectors)}\n  ],\n  "refused": [\n${lines(file.refused)}\n  ]\n}\n`;
}

if (import.meta.main) {
  const text = printVectors(makeVectors());
  if (process.argv.includes('--check')) {
    const same = readFileSync(FILE, 'utf8') === text;
    console.log(same ? 'The vectors are as the code makes them.' : 'The vectors differ from what the code makes.');
    process.exitCode = same ? 0 : 1;
  } else {
    writeFileSync(FILE, text);
    console.log(`Wrote ${makeVectors().vectors.length} vectors that open and ${makeVectors().refused.length} that do not.`);
  }
}
