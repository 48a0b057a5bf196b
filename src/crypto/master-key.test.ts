import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../base/errors.ts';
import { generateMasterKey, parseMasterKey } from './master-key.ts';

function refusal(text: string): ConfigError {
  try {
    parseMasterKey(text);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the key was taken');
}

describe('a master key', () => {
  test('is 32 random bytes, in base64 or base64url, with or without padding', () => {
    for (let i = 0; i < 50; i++) {
      const bytes = randomBytes(32);
      const base64 = bytes.toString('base64');
      for (const text of [base64, base64.replace('=', ''), bytes.toString('base64url'), `  ${base64}\n`]) {
        expect(parseMasterKey(text).export().equals(bytes)).toBe(true);
      }
    }
  });

  test('that was generated can be parsed, and no two are the same', () => {
    const a = parseMasterKey(generateMasterKey());
    const b = parseMasterKey(generateMasterKey());
    expect(a.equals(b)).toBe(false);
    expect(parseMasterKey(generateMasterKey(() => Buffer.from(a.export()))).equals(a)).toBe(true);
  });
});

const good = Buffer.from('f00dfacef00dfacef00dfacef00dfacef00dfacef00dfacef00dfacef00dfa01', 'hex');
const refused: [string, string, RegExp][] = [
  ['nothing', '', /empty/],
  ['white space', ' \n ', /empty/],
  ['31 bytes', good.subarray(1).toString('base64'), /32 bytes/],
  ['33 bytes', Buffer.concat([good, Buffer.of(1)]).toString('base64'), /32 bytes/],
  ['hexadecimal', good.toString('hex'), /hexadecimal/],
  ['all zeros', Buffer.alloc(32).toString('base64'), /zeros/],
  ['one byte repeated', Buffer.alloc(32, 0xa7).toString('base64'), /repeats/],
  ['a pass phrase in base64', Buffer.from('correct horse battery staple 123').toString('base64'), /printable/],
  ['a pass phrase', 'correct-horse-battery-staple', /32 bytes/],
  ['both alphabets at once', `+-${good.toString('base64').slice(2)}`, /32 bytes/],
  ['stray bits at the end', good.toString('base64').replace(/.=$/, 'F='), /32 bytes/],
  ['padding twice', `${good.toString('base64')}=`, /32 bytes/],
  ['a space inside', `${good.toString('base64').slice(0, 20)} ${good.toString('base64').slice(21)}`, /32 bytes/],
  ['quotes around it', `"${good.toString('base64')}"`, /32 bytes/],
];

describe('what is no master key', () => {
  test.each(refused)('%s is refused with the reason and a fix, and never quoted', (_name, text, reason) => {
    const error = refusal(text);
    expect(error.message).toMatch(reason);
    expect(error.fix).toContain('HOLDFAST_MASTER_KEY');
    if (text.trim().length > 8) {
      const shown = `${error.message} ${error.fix} ${String(error.cause)} ${error.stack}`;
      for (let i = 0; i + 8 <= text.length; i += 4) expect(shown).not.toContain(text.slice(i, i + 8));
    }
  });

  test('has a fix that runs as it stands and gives a key that works', () => {
    const script = `${refusal('x').fix}; printf %s "$HOLDFAST_MASTER_KEY"`;
    const printed = execFileSync('sh', ['-c', script], { encoding: 'utf8', env: { PATH: process.env.PATH } });
    expect(parseMasterKey(printed).symmetricKeySize).toBe(32);
  });
});
