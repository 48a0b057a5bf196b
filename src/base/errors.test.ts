import { describe, expect, test } from 'vitest';
import { AppError, ConfigError, ERRORS, type ErrorCode } from './errors.ts';

const codes = Object.keys(ERRORS) as ErrorCode[];

describe('the table of errors', () => {
  test.each(codes)('%s has a status that fits, and a sentence that is one and says nothing of ours', (code) => {
    const { status, retryable, sentence } = ERRORS[code];
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    expect(sentence).toMatch(/^[A-Z][^\n{}$]*\.$/);
    expect(sentence.length).toBeLessThan(100);
    if (retryable) expect([408, 429, 503]).toContain(status);
    if (status === 503 || status === 429) expect(retryable).toBe(true);
  });

  test('has no sentence twice, so that two codes can be told apart by a reader', () => {
    expect(new Set(codes.map((code) => ERRORS[code].sentence)).size).toBe(codes.length);
  });
});

describe('an AppError', () => {
  test.each(codes)('%s takes what the table says', (code) => {
    const error = new AppError(code);
    expect({ status: error.status, retryable: error.retryable, sentence: error.message }).toEqual(ERRORS[code]);
    expect(error).toMatchObject({ name: 'AppError', code, details: {} });
    expect(error).toBeInstanceOf(Error);
  });

  test('may carry another sentence and status, and keeps its cause apart from its message', () => {
    const cause = new Error('the provider said: canary');
    const error = new AppError('invalid_request', { status: 422, sentence: 'The body is not valid.', cause });
    expect(error).toMatchObject({ status: 422, message: 'The body is not valid.', cause });
    expect(error.message).not.toContain('canary');
  });
});

test('a ConfigError says what and how to put it right, and ends the start with 78 unless told otherwise', () => {
  const cause = new Error('x');
  expect(new ConfigError('The port is taken.', 'holdfast stop', { cause })).toMatchObject({
    name: 'ConfigError',
    message: 'The port is taken.',
    fix: 'holdfast stop',
    exitCode: 78,
    cause,
  });
  expect(new ConfigError('a', 'b', { exitCode: 1 }).exitCode).toBe(1);
});
