import { describe, expect, test } from 'vitest';
import { AppError } from './errors.ts';
import { createLogger, type LogFields, type LogLevel } from './log.ts';
import { Secret } from './secret.ts';

const clock = { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678) };

function logger(level: LogLevel = 'info', bindings?: LogFields) {
  const raw: string[] = [];
  const log = createLogger({ level, sink: { write: (line) => raw.push(line) }, clock, ...(bindings && { bindings }) });
  return { log, raw, lines: () => raw.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('a log line', () => {
  test('is one line of JSON: time, level as a word, event, fields', () => {
    const { log, raw, lines } = logger('info', { pid: 7 });
    log.warn('turn.end', { turnId: 'trn_1', status: 200, ms: 12.5, firstTokenMs: null });
    expect(lines()).toEqual([
      {
        time: '2026-01-02T03:04:05.678Z',
        level: 'warn',
        pid: 7,
        event: 'turn.end',
        turnId: 'trn_1',
        status: 200,
        ms: 12.5,
        firstTokenMs: null,
      },
    ]);
    expect(raw[0]).toMatch(/^[^\n]*\n$/);
  });

  test('below the level is not written', () => {
    for (const [level, expected] of Object.entries({ debug: 4, info: 3, warn: 2, error: 1 })) {
      const { log, raw } = logger(level as LogLevel);
      log.debug('a.b');
      log.info('a.b');
      log.warn('a.b');
      log.error('a.b');
      expect(raw.length).toBe(expected);
    }
  });

  test('cannot be forged by what is in its fields', () => {
    const { log, raw, lines } = logger();
    log.info('a.b', { reason: 'x"}\n{"level":"error","event":"forged"}\u001b[2J', model: '\u202e', code: '\u2028' });
    expect(raw.join('').trim().split('\n').length).toBe(1);
    expect(lines()[0]).toMatchObject({
      reason: 'x"}\\u000a{"level":"error","event":"forged"}\\u001b[2J',
      model: '\\u202e',
      code: '\\u2028',
    });
  });

  test('has strings of at most 2 KiB', () => {
    const { log, lines } = logger();
    log.info('a.b', { reason: 'x'.repeat(1_000_000) });
    expect(String(lines()[0]?.reason).length).toBeLessThanOrEqual(2048);
  });

  test('has of an error its facts and never its message', () => {
    const { log, raw, lines } = logger();
    log.error('a.b', { error: new AppError('internal', { sentence: 'canary-sentence', cause: new TypeError('canary-message') }) });
    expect(lines()[0]?.error).toMatchObject({ name: 'AppError', code: 'internal', cause: { name: 'TypeError' } });
    expect(raw.join('')).not.toContain('canary');
  });

  test('takes no object of anybody, however it got in', () => {
    const { log, raw, lines } = logger();
    const smuggled = { reason: { body: 'canary' }, part: new Secret('canary'), code: ['canary'], state: () => 'canary', count: 3n };
    log.info('a.b', smuggled as unknown as LogFields);
    expect(lines()[0]).toMatchObject({ reason: '[object]', part: '[object]', code: '[object]', count: '3' });
    expect(raw.join('')).not.toContain('canary');
  });
});

describe('the logger', () => {
  test('never throws: not for angry fields, not for a clock out of range, not for a sink that does', () => {
    const angry = {
      get reason(): string {
        throw new Error('no');
      },
    };
    const { log, raw } = logger();
    log.info('a.b', angry);
    expect(raw).toEqual([]);
    createLogger({ level: 'info', sink: { write: (line) => raw.push(line) }, clock: { now: () => Number.NaN } }).info('a.b');
    const broken = {
      write: () => {
        throw new Error('no');
      },
    };
    createLogger({ level: 'info', sink: broken, clock }).info('a.b');
    log.info('a.c');
    expect(raw.map((line) => (JSON.parse(line) as { time: unknown }).time)).toEqual([null, '2026-01-02T03:04:05.678Z']);
  });
});
