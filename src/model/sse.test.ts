import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSseParser } from './sse.ts';

function parse(chunks: Buffer[], lineBytesMax = 1_000): { events: string[]; fault: string | undefined } {
  const events: string[] = [];
  const parser = createSseParser(lineBytesMax, (data) => {
    events.push(data);
    return true;
  });
  for (const chunk of chunks) {
    const fault = parser.push(chunk);
    if (fault) return { events, fault };
  }
  return { events, fault: undefined };
}

const whole = (text: string) => parse([Buffer.from(text)]).events;

test('events end at a blank line, with LF or CRLF, and one without it is not handed out', () => {
  expect(whole('data: one\n\ndata: two\r\n\r\ndata: three\n')).toEqual(['one', 'two']);
});

test('several data lines are one event, and one leading space is dropped', () => {
  expect(whole('data:a\ndata:  b\ndata:\n\n')).toEqual(['a\n b\n']);
});

test('comments, other fields and blank lines are no events', () => {
  expect(whole(': keep-alive\n\nevent: x\nid: 1\nretry: 5\n\n\n\ndatabase: no\n\n')).toEqual([]);
});

test('the same events come out however the bytes are cut, characters of several bytes included', () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replace(/[\r\n]/g, ''));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(200), { maxLength: 12 }), fc.boolean(), (lines, cuts, crlf) => {
      const end = crlf ? '\r\n' : '\n';
      const bytes = Buffer.from(lines.map((text) => `data: ${text}${end}${end}`).join(''));
      const at = [...new Set(cuts.map((cut) => Math.min(cut, bytes.length)))].sort((a, b) => a - b);
      const chunks = [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
      expect(parse(chunks).events).toEqual(lines.map((text) => text.toWellFormed()));
    }),
  );
});

test('a line over the limit is a fault, in one chunk and in many', () => {
  expect(parse([Buffer.from(`data: ${'x'.repeat(1_000)}\n\n`)]).fault).toBe('sse_line_too_long');
  expect(parse(Array.from({ length: 101 }, () => Buffer.alloc(10, 'x'))).fault).toBe('sse_line_too_long');
  expect(parse([Buffer.from(`data: ${'x'.repeat(990)}\n\n`)])).toEqual({ events: ['x'.repeat(990)], fault: undefined });
});

test('bytes that are no UTF-8 are a fault, also split over chunks', () => {
  expect(parse([Buffer.from([...Buffer.from('data: a'), 0xff, 10, 10])]).fault).toBe('invalid_utf8');
  expect(parse([Buffer.from([...Buffer.from('data: '), 0xe2]), Buffer.from([0x28, 0xa1, 10, 10])]).fault).toBe('invalid_utf8');
});

test('a listener that says stop gets no more events of that chunk', () => {
  const seen: string[] = [];
  const parser = createSseParser(1_000, (data) => {
    seen.push(data);
    return false;
  });
  parser.push(Buffer.from('data: 1\n\ndata: 2\n\n'));
  expect(seen).toEqual(['1']);
});
