import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPlainStream, plain, plainLine } from './plain.ts';

const ESC = '\u001b';
const ATTACKS = [
  `${ESC}[2J`,
  `${ESC}]0;title\u0007`,
  '\u009b31m',
  '\u0008\u0008',
  '\rfake prompt',
  '\u007f',
  '\u0000',
  '\u000b',
  `${ESC}]8;;http://x${ESC}\\link`,
];

// biome-ignore lint/suspicious/noControlCharactersInRegex: looking for them
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

describe('text of others', () => {
  it.each(ATTACKS)('cannot steer a terminal: %j', (attack) => {
    for (const terminal of [true, false]) {
      expect(plain(`a${attack}b`, { terminal })).not.toMatch(STEERING);
      expect(plain(`a${attack}b`, { terminal })).toContain('\\u00');
    }
  });

  it('keeps what people write, byte for byte', () => {
    const text = 'Grüße, 世界 👩‍👩‍👧 — "x"\n\tindented\nעברית';
    expect(plain(text, { terminal: true })).toBe(text);
    expect(plain('a\r\nb', { terminal: true })).toBe('a\nb');
  });

  it('shows marks that turn the reading direction on a terminal only', () => {
    expect(plain('a\u202eb', { terminal: true })).toBe('a\\u202eb');
    expect(plain('a\u200fb', { terminal: false })).toBe('a\u200fb');
  });

  it('comes out the same in pieces as whole, and never with a control character', () => {
    const nasty = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...ATTACKS, '\r', '\n', '😀', '\ud83d', '\ude00')), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(nasty, fc.array(fc.nat(40), { maxLength: 5 }), (parts, cuts) => {
        const text = parts.join('');
        const stream = createPlainStream({ terminal: true });
        let at = 0;
        let streamed = '';
        for (const cut of cuts) {
          streamed += stream.push(text.slice(at, at + cut));
          at += cut;
        }
        streamed += stream.push(text.slice(at)) + stream.end();
        expect(streamed).toBe(plain(text, { terminal: true }));
        expect(streamed).not.toMatch(STEERING);
      }),
    );
  });

  it('does not let a piece end in half a character', () => {
    const stream = createPlainStream({ terminal: true });
    expect(stream.push('a\ud83d')).toBe('a');
    expect(stream.push('\ude00')).toBe('😀');
  });

  it('fits on one line when asked', () => {
    expect(plainLine('a\n  b\tc', { terminal: true })).toBe('a b c');
    expect(plainLine('👍👍👍👍', { terminal: true }, 3)).toBe('👍👍…');
  });
});
