import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { adviceFor } from './failure-advice.ts';

/** Codes of failures as the sources of `src/model` write them. */
function codesInSource(): string[] {
  const folder = new URL('../model/', import.meta.url);
  const texts = readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(new URL(name, folder), 'utf8'));
  const quoted = texts.flatMap((text) => [...text.matchAll(/'([a-z]+(?:_[a-z0-9]+)+)'/g)].map(([, code = '']) => code));
  return [...new Set(quoted)];
}

test('what fails for a reason that can be named says so', () => {
  const broken = adviceFor('stream_cut');
  const named = codesInSource().filter((code) => /timeout|failed$|refused|blocked|key|queue|http_|breaker/.test(code));
  expect(named.length).toBeGreaterThan(15);
  const unnamed = named.filter((code) => adviceFor(code) === broken);
  expect(unnamed).toEqual([]);
  for (const code of ['http_401', 'http_403', 'http_429', 'http_500', 'http_413', 'reset', 'deadline', 'tool_unknown'])
    expect(adviceFor(code), code).not.toBe(broken);
  expect(adviceFor('http_429').cause).not.toBe(adviceFor('http_413').cause);
});
