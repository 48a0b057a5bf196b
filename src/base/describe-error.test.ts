import { describe, expect, test } from 'vitest';
import { describeError } from './describe-error.ts';
import { AppError, ConfigError } from './errors.ts';

const SECRET = 'sk-canary-4242';

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('it did not throw');
}

describe('what a log line keeps of an error', () => {
  test('is name and our frames, and no message: JSON.parse quotes its input there', () => {
    const facts = describeError(thrownBy(() => JSON.parse(`{${SECRET}`)));
    expect(facts.name).toBe('SyntaxError');
    expect(facts.frames?.[0]).toMatch(/^src\/base\/describe-error\.test\.ts:\d+$/);
    expect(JSON.stringify(facts)).not.toContain(SECRET);
  });

  test('includes codes, of ours and of the system', () => {
    expect(describeError(new AppError('overloaded'))).toMatchObject({ name: 'AppError', code: 'overloaded' });
    expect(describeError(new ConfigError('no', 'yes'))).toMatchObject({ name: 'ConfigError' });
    expect(describeError(Object.assign(new Error(SECRET), { code: 'ECONNREFUSED' }))).toMatchObject({
      name: 'Error',
      code: 'ECONNREFUSED',
    });
    expect(describeError(Object.assign(new Error(SECRET), { code: 40001 }))).toMatchObject({ code: 40001 });
  });

  test('follows causes, a few and no circle', () => {
    const inner = Object.assign(new TypeError(SECRET), { code: 'E_INNER' });
    const facts = describeError(new AppError('internal', { cause: new Error(SECRET, { cause: inner }) }));
    expect(facts.cause?.cause).toMatchObject({ name: 'TypeError', code: 'E_INNER' });
    expect(JSON.stringify(facts)).not.toContain(SECRET);
    const round = new Error(SECRET);
    round.cause = round;
    expect(JSON.stringify(describeError(round)).match(/"name"/g)?.length).toBe(5);
  });

  test('takes no free text where a name or a code should be', () => {
    const odd = Object.assign(new Error('x'), { name: `user said: ${SECRET}`, code: `body ${SECRET}` });
    expect(describeError(odd).name).toBe('Error');
    expect(JSON.stringify(describeError(odd))).not.toContain(SECRET);
  });

  test('takes no frames from a message that imitates them', () => {
    const error = new Error(`x\n    at steal (${import.meta.dirname}/${SECRET}.ts:1:1)\n    at ${import.meta.dirname}/${SECRET}.ts:2:2`);
    const facts = describeError(error);
    expect(facts.frames?.length).toBeGreaterThan(0);
    expect(JSON.stringify(facts)).not.toContain(SECRET);
  });

  test('keeps at most eight frames, ours alone, and no path above the project', () => {
    const deep = (left: number): unknown => (left > 0 ? [deep(left - 1)] : JSON.parse('{'));
    const frames = describeError(thrownBy(() => deep(30))).frames ?? [];
    const full = new Error('x');
    full.stack = [
      'Error: x',
      '    at a (node:internal/x:1:1)',
      '    at b (file:///app/src/agent/turn.ts:88:3)',
      '    at c (/app/node_modules/x/y.js:1:1)',
      '    at async /app/src/http/server.ts:7:1',
      '    at d (/elsewhere/z.ts:1:1)',
    ].join('\n');
    expect(frames.length).toBe(8);
    expect(describeError(full, '/app/').frames).toEqual(['src/agent/turn.ts:88', 'src/http/server.ts:7']);
  });

  test('never throws, whatever was thrown', () => {
    const angry = new Proxy(new Error('x'), {
      get() {
        throw new Error(SECRET);
      },
    });
    expect(describeError(angry)).toEqual({ name: 'Unreadable' });
    expect([SECRET, 7, null, undefined, Symbol(SECRET)].map((each) => describeError(each).name)).toEqual([
      'string',
      'number',
      'null',
      'undefined',
      'symbol',
    ]);
    expect(describeError({ message: SECRET })).toEqual({ name: 'Error' });
    expect(describeError(Object.create(null))).toEqual({ name: 'Error' });
  });
});
