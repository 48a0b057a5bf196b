import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cleanText } from './clean-text.ts';

test('plain text and emoji stay as they are', () => {
  for (const text of ['', 'gemini/gemini-flash-latest', 'Grüße 漢字 🤖', 'a "quoted" \\ path']) expect(cleanText(text)).toBe(text);
});

test.each([
  ['newlines', 'a\r\nb', 'a\\u000d\\u000ab'],
  ['terminal escapes', '\u001b[2J\u009b31m', '\\u001b[2J\\u009b31m'],
  ['backspace and DEL', '\b\u007f', '\\u0008\\u007f'],
  ['bidi controls', 'user\u202egnp.exe\u2066', 'user\\u202egnp.exe\\u2066'],
  ['zero-width and tag characters', 'a\u200b\ufeff\u{e0041}', 'a\\u200b\\ufeff\\u{e0041}'],
  ['line separators', 'a\u2028b\u2029', 'a\\u2028b\\u2029'],
  ['lone surrogates', '\ud800a', '\\ud800a'],
  ['NUL', '\u0000', '\\u0000'],
])('%s become visible', (_name, text, shown) => {
  expect(cleanText(text)).toBe(shown);
});

test('nothing unsafe is left, and it is never longer than 2 KiB', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 5000 }), (text) => {
      const clean = cleanText(text);
      expect(clean).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      expect(Buffer.byteLength(clean)).toBeLessThanOrEqual(2048);
      if (clean === text) return;
      expect(clean).toMatch(/\\u|…$/);
    }),
  );
});

test('a long text is cut at a whole character and says so', () => {
  for (const text of ['x'.repeat(2049), '🤖'.repeat(600), 'ü'.repeat(2000), `${'x'.repeat(2047)}🤖`]) {
    const clean = cleanText(text);
    expect(clean.endsWith('…')).toBe(true);
    expect(text.startsWith(clean.slice(0, -1))).toBe(true);
    expect(Buffer.byteLength(clean)).toBeGreaterThan(2040);
  }
  expect(cleanText('x'.repeat(2048))).toBe('x'.repeat(2048));
});

test('ten megabytes cost no more than their beginning', () => {
  const huge = '\u001b'.repeat(10_000_000);
  const start = performance.now();
  cleanText(huge);
  expect(performance.now() - start).toBeLessThan(50);
});
