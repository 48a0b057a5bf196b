import { expect, test } from 'vitest';
import type { LogLineView } from '../../../../src/contract/logs.ts';
import { addLines, noRows, saysOf } from './log-rows.ts';

const line = (event: string): LogLineView => ({ time: '2026-01-01T00:00:00.000Z', level: 'info', event });

test('the number of rows is bounded, and every row that went is counted', () => {
  let rows = noRows;
  for (let i = 0; i < 100; i += 1) rows = addLines(rows, [line(`a${i}`), i === 99 ? undefined : line(`b${i}`)], 50);
  expect(rows.rows).toHaveLength(50);
  expect(rows).toMatchObject({ total: 200, left: 150 });
  expect(rows.rows.at(-1)).toEqual({ key: 199, line: undefined });
  expect(new Set(rows.rows.map(({ key }) => key)).size).toBe(50);
});

test('more lines at once than there is room for leave the newest', () => {
  const rows = addLines(
    noRows,
    Array.from({ length: 120 }, (_, i) => line(`e${i}`)),
    50,
  );
  expect(rows.rows[0]?.line?.event).toBe('e70');
  expect(rows.left).toBe(70);
});

test('a line on one line leaves out what has a column of its own', () => {
  expect(saysOf({ ...line('turn.end'), turnId: 'trn_1', ms: 3, models: ['a'] })).toBe('turnId=trn_1  ms=3  models=["a"]');
});
