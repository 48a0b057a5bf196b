import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createManualClock } from '../../test/support/manual-clock.ts';
import type { Json } from '../contract/message.ts';
import { builtInTools } from './built-in.ts';
import { runTool } from './run-tool.ts';

const clock = createManualClock();
const tools = new Map(builtInTools(clock).map((tool) => [tool.name, tool]));

async function use(name: string, args: Json): Promise<{ outcome: string; value: Record<string, Json> }> {
  const tool = tools.get(name);
  if (!tool) throw new Error(name);
  const context = { sessionId: 's', turnId: 't', callId: 'c', signal: new AbortController().signal };
  const { outcome, value } = await runTool(tool, args, context, { clock, timeoutMs: 10_000 });
  return { outcome, value: value as Record<string, Json> };
}

describe('current_time', () => {
  test('tells the time of the clock in a time zone', async () => {
    const { value } = await use('current_time', { timeZone: 'Asia/Tokyo' });
    expect(value).toEqual({
      iso: new Date(clock.now()).toISOString(),
      timeZone: 'Asia/Tokyo',
      weekday: 'Wednesday',
      local: expect.stringMatching(/^Wednesday,? 15 November 2023 at 07:13:21/),
    });
    expect((await use('current_time', {})).outcome).toBe('ok');
  });

  test.each(['Mars/Olympus', '', '../etc/passwd', 'x'.repeat(100), '\u0000'])('refuses the time zone %j', async (timeZone) => {
    expect((await use('current_time', { timeZone })).outcome).toBe('error');
  });
});

describe('calculate', () => {
  test.each([
    ['2 + 3 * 4', 14],
    ['(2 + 3) * 4', 20],
    ['2^3^2', 512],
    ['-2^2', -4],
    ['10 % 3', 1],
    ['-7 % 3', 2],
    ['50%', 0.5],
    ['5!', 120],
    ['0.1 + 0.2', 0.3],
    ['1/3', 0.333333333333333],
    ['sqrt(16) + cbrt(27)', 7],
    ['round(2.5) + round(-2.5)', 0],
    ['round(2.345, 2)', 2.35],
    ['log(100, 10) + log2(8) + ln(e)', 6],
    ['max(1, 7, 3) - min(4, 2)', 5],
    ['2 pi', 6.28318530717959],
    ['1e3 * 2.5', 2_500],
    ['170!', 7.25741561530799e306],
    ['123456789 * 987654321', 121_932_631_112_635_000],
  ])('%s = %d', async (expression, result) => {
    expect(await use('calculate', { expression })).toEqual({ outcome: 'ok', value: { expression, result } });
  });

  test.each([
    '1/0',
    '0/0',
    '1e309',
    '10^400',
    '171!',
    '(-1)!',
    '2.5!',
    'sqrt(-1)',
    '5 % 0',
    'log(-1)',
    'import("fs")',
    'evaluate("1")',
    'parse("1")',
    'createUnit("x")',
    'simplify("x")',
    'derivative("x^2","x")',
    'constructor',
    '__proto__',
    'toString()',
    'hasOwnProperty("x")',
    'cos.constructor("return process")()',
    'this',
    'process.exit()',
    'a = 3',
    'f(x) = x',
    '[1,2,3]',
    '{a: 1}',
    '"text"',
    '1:1000000',
    '2 > 1',
    'true ? 1 : 2',
    '1; 2',
    '3 cm',
    'i',
    'x',
    'end',
    '5 and 3',
    'ones(100000)',
    'bignumber(2)^1e9',
    'matrix()',
    'sum(1,2)',
    'random()',
    'sqrt()',
    'sqrt(1,2)',
    '',
    '   ',
    ')(',
    '2 +',
    '\u0000',
    '1 & 2',
    "3'",
    '9'.repeat(501),
    '('.repeat(250) + ')'.repeat(250),
    `${'-'.repeat(400)}1`,
    `${'('.repeat(240)}1${')'.repeat(240)}`,
    `5${'!'.repeat(300)}`,
  ])('refuses %j as a safe sentence', async (expression) => {
    const startedAt = performance.now();
    const { outcome, value } = await use('calculate', { expression });
    expect(outcome).toBe('error');
    expect(String(value.error)).not.toMatch(/\bat .*:\d+|node_modules|Error:/);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test('whatever the expression, one outcome, and a result is a finite number', async () => {
    const token = fc.constantFrom(
      '1',
      '2.5',
      '+',
      '-',
      '*',
      '/',
      '^',
      '%',
      '!',
      '(',
      ')',
      'sqrt',
      'log',
      ',',
      'pi',
      ' ',
      '.',
      '=',
      '[',
      ']',
      '"',
      ':',
      'x',
      '\n',
      '#',
      '1e9',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(token, { minLength: 1, maxLength: 40 }), async (tokens) => {
        const { outcome, value } = await use('calculate', { expression: tokens.join('') });
        if (outcome === 'ok') expect(Number.isFinite(value.result)).toBe(true);
        else expect(typeof value.error).toBe('string');
      }),
      { numRuns: 1_000 },
    );
  });
});
