// Bad input by family: every one is refused with a 4xx problem that quotes nothing, and nothing reaches the agent.
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asAdmin, createWorld } from '../../test/support/http-world.ts';
import { problemSchema } from '../contract/problem.ts';
import { parseJson } from './json-text.ts';

const post = (world: ReturnType<typeof createWorld>, body: string | Uint8Array, headers: Record<string, string> = {}) =>
  world.call('POST /v1/chat', { headers: { ...asAdmin, 'content-type': 'application/json', ...headers }, body });
const bytes = (...values: number[]) => Uint8Array.from(values);
const around = (middle: Uint8Array) => Buffer.concat([Buffer.from('{"message":"'), middle, Buffer.from('"}')]);
const nested = (depth: number, open = '[', close = ']') => `{"message":"m","metadata":{"a":${open.repeat(depth)}${close.repeat(depth)}}}`;

const REFUSED: Record<string, [body: string | Uint8Array, status: number, headers?: Record<string, string>]> = {
  'nothing at all': ['', 400],
  'white space only': ['  \n', 400],
  'half a document': ['{"message":"CANARY', 400],
  'two documents': ['{"message":"m"}{"message":"m"}', 400],
  'two documents on two lines': ['{"message":"m"}\n{"message":"m"}', 400],
  'an array': ['[{"message":"m"}]', 422],
  null: ['null', 422],
  'a string': ['"CANARY"', 422],
  'a number': ['1', 422],
  'a comment': ['{"message":"m"/*CANARY*/}', 400],
  NaN: ['{"message":"m","deadlineMs":NaN}', 400],
  'a number beyond doubles': ['{"message":"m","deadlineMs":1e309}', 422],
  'such a number in metadata': ['{"message":"m","metadata":{"n":1e309}}', 422],
  'a number beyond the exact ones': [`{"message":"m","deadlineMs":${2n ** 53n + 1n}}`, 422],
  'a string for a number': ['{"message":"m","deadlineMs":"5000"}', 422],
  'a fraction': ['{"message":"m","deadlineMs":1.5}', 422],
  'a negative': ['{"message":"m","deadlineMs":-1}', 422],
  'no message': ['{}', 422],
  'a blank message': ['{"message":" \\n\\u00a0"}', 422],
  'a null message': ['{"message":null}', 422],
  'an object as message': ['{"message":{"toString":"CANARY"}}', 422],
  'an unknown field': ['{"message":"m","CANARY":1}', 422],
  'an unknown choice': ['{"message":"m","whileBusy":"CANARY"}', 422],
  'a lone surrogate': ['{"message":"\\ud83d CANARY"}', 400],
  'a low surrogate in a deep key': ['{"message":"m","metadata":{"a":[{"\\uDE00":1}]}}', 400],
  'a raw control character': ['{"message":"a\u0001b"}', 400],
  'overlong UTF-8': [around(bytes(0xc0, 0xaf)), 400],
  'a UTF-8 surrogate': [around(bytes(0xed, 0xa0, 0x80)), 400],
  'a stray continuation byte': [around(bytes(0x80)), 400],
  'a code point beyond Unicode': [around(bytes(0xf4, 0x90, 0x80, 0x80)), 400],
  'UTF-16': [Buffer.from('{"message":"m"}', 'utf16le'), 400],
  '65 levels': [nested(63), 400],
  'a million levels': [`${'['.repeat(500_000)}`, 400],
  '__proto__ at the top': ['{"message":"m","__proto__":{"stream":true}}', 400],
  '__proto__ deep inside': ['{"message":"m","metadata":{"a":[{"__proto__":{"x":1}}]}}', 400],
  '__proto__ in disguise': ['{"message":"m","metadata":{"\\u005f_proto__":{"x":1}}}', 400],
  'no type': ['{"message":"m"}', 415, { 'content-type': '' }],
  'a form': ['message=m', 415, { 'content-type': 'application/x-www-form-urlencoded' }],
  'plain text, which no browser asks about first': ['{"message":"m"}', 415, { 'content-type': 'text/plain' }],
  'JSON with another charset': ['{"message":"m"}', 415, { 'content-type': 'application/json; charset=utf-16' }],
  'a type that only begins like JSON': ['{"message":"m"}', 415, { 'content-type': 'application/jsonp' }],
  'two types': ['{"message":"m"}', 415, { 'content-type': 'application/json, text/plain' }],
  gzip: [gzipSync('{"message":"m"}'), 415, { 'content-encoding': 'gzip' }],
  'a byte too many': [`{"message":"m"${' '.repeat(1_048_576 - 14)}}`, 413],
  'a message too long': [`{"message":"${'m'.repeat(262_145)}"}`, 422],
  'metadata too large': [`{"message":"m","metadata":{"a":"${'m'.repeat(16_384)}"}}`, 422],
};

describe('a body is refused', () => {
  test.each(Object.entries(REFUSED))('%s', async (_name, [body, status, headers]) => {
    const world = createWorld();
    const answer = await post(world, body, headers);
    const text = await answer.text();
    expect([answer.status, text]).toEqual([status, expect.not.stringContaining('CANARY')]);
    expect(problemSchema.parse(JSON.parse(text)).status).toBe(status);
    expect(world.agent.submissions).toEqual([]);
    expect(Object.prototype).not.toHaveProperty('x');
  });

  test('naming the field that is wrong, never its value', async () => {
    const answer = await post(createWorld(), '{"message":7,"whileBusy":"CANARY","metadata":{"CANARY":1e999}}');
    const { errors } = await answer.json();
    expect(errors.map(({ path }) => path).sort()).toEqual(['message', 'metadata', 'whileBusy']);
    expect(JSON.stringify(errors)).not.toContain('CANARY');
  });
});

describe('a body is taken', () => {
  const TAKEN: Record<string, string> = {
    'NUL and other controls': 'a\u0000b\u0007\u001b[31m',
    'bidi and tag characters': '\u202eabc\u2066\u{e0041}\u{e007f}',
    'combining marks': `a${'\u0301'.repeat(100_000)}`,
    'pairs, joiners and non-characters': '👩‍👩‍👧\u{1f600}\uffff\u{10ffff}',
    'unnormalised text': 'e\u0301 \u00e9 \u212b',
    'a byte order mark inside': 'a\ufeffb',
    'words that look like trouble': '__proto__ \\ud800 "}{" <script>\u2028\u2029 \'; DROP TABLE turns;--',
  };

  test.each(Object.entries(TAKEN))('with %s, to the character', async (_name, message) => {
    for (const escaped of [false, true]) {
      const world = createWorld();
      const json = JSON.stringify({ message });
      const body = escaped ? json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`) : json;
      expect((await post(world, body)).status).toBe(200);
      expect(world.agent.submissions[0]?.message).toBe(message);
    }
  });

  test('of exactly the limit, 64 levels deep, with a byte order mark, and with the last of two equal keys', async () => {
    expect((await post(createWorld(), `{"message":"m"${' '.repeat(1_048_576 - 15)}}`)).status).toBe(200);
    expect((await post(createWorld(), nested(62))).status).toBe(200);
    expect((await post(createWorld(), `\ufeff{"message":"m"}`)).status).toBe(200);
    const world = createWorld();
    expect((await post(world, '{"message":"a","message":"b"}', { 'content-type': 'Application/JSON;charset="UTF-8"' })).status).toBe(200);
    expect(world.agent.submissions[0]?.message).toBe('b');
  });

  test('when it is empty where it may be', async () => {
    const world = createWorld();
    expect((await world.call('POST /v1/sessions', { headers: asAdmin })).status).toBe(201);
    expect((await world.call('POST /v1/sessions', { headers: asAdmin, body: 'x' })).status).toBe(400);
  });
});

describe('JSON text', () => {
  test('reads like JSON.parse for everything it takes', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 10, stringUnit: 'grapheme' }), (text) => {
        const value = JSON.parse(text);
        const wanted = JSON.stringify(value);
        if (wanted.includes('__proto__') || !text.isWellFormed() || /\\ud/.test(wanted)) return;
        expect(JSON.stringify(parseJson(Buffer.from(text), 64))).toBe(wanted);
      }),
      { numRuns: 200 },
    );
  });

  test('takes time in step with its size, whatever it holds', () => {
    const worst = [
      '['.repeat(64) + '"\\'.repeat(300_000),
      `["${'\\u005f'.repeat(150_000)}"]`,
      `[${'"__proto__",'.repeat(80_000)}1]`,
      '{"a":'.repeat(60) + '"'.repeat(900_000),
    ];
    for (const text of worst) {
      const start = performance.now();
      try {
        parseJson(Buffer.from(text), 64);
      } catch {
        // Refused is as good as taken here.
      }
      expect(performance.now() - start).toBeLessThan(200);
    }
  });
});

describe('a query', () => {
  test.each([
    'limit=0',
    'limit=201',
    'limit=-1',
    'limit=1e9',
    'limit=1.5',
    'limit=',
    'limit=abc',
    'limit=1&limit=2',
    'sort=id;DROP',
    '__proto__=1',
    `cursor=${'x'.repeat(201)}`,
  ])('%s is refused', async (query) => {
    const answer = await createWorld().call(`GET /v1/sessions?${query}`, { headers: asAdmin });
    expect([answer.status, (await answer.json()).code]).toEqual([400, 'invalid_request']);
  });

  test.each(['../../etc/passwd', '%2e%2e%2f', 'trn_', "trn_' OR 1=1", 'trn_01M820DPH3E7JS4WJ8DYZ5EMPQ', '%00', '%ff', '-h'])(
    'a made-up id %s is 404',
    async (id) => {
      for (const path of [`/v1/turns/${id}`, `/v1/sessions/${id}`])
        expect((await createWorld().call(`GET ${path}`, { headers: asAdmin })).status).toBe(404);
    },
  );
});
