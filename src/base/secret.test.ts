import { format, inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from './secret.ts';

const VALUE = 'sk-canary-31337';
const secret = new Secret(VALUE);

test('a secret gives its value only when asked for it by name', () => {
  expect(secret.reveal()).toBe(VALUE);
});

test.each<[string, () => string]>([
  ['JSON', () => JSON.stringify({ key: secret, list: [secret] })],
  ['a template', () => `${secret}`],
  ['joining', () => [secret, ''].join('')],
  ['String()', () => String(secret)],
  ['inspect', () => inspect(secret)],
  [
    'inspect with everything shown, in depth',
    () => inspect({ deep: { er: secret } }, { showHidden: true, depth: 9, showProxy: true, getters: true }),
  ],
  ['format', () => format('%s %o %O %j', secret, secret, secret, secret)],
  ['its keys and values', () => JSON.stringify([Object.entries(secret), Reflect.ownKeys(secret), { ...secret }])],
  ['an error that carries it', () => inspect(Object.assign(new Error('x', { cause: secret }), { secret }))],
])('a secret does not print: %s', (_how, print) => {
  expect(print()).not.toContain(VALUE);
});

test('a secret cannot be cloned out of its class', () => {
  expect(JSON.stringify(structuredClone(secret))).not.toContain(VALUE);
});
