import { expect, test } from 'vitest';
import { silentLogger } from '../base/log.ts';
import type { Place } from '../crypto/types.ts';
import { createSeals, SEALED_COLUMNS, type SealedColumn } from './seals.ts';

const row = { tenant: 't1', sessionId: 'ses_1', rowId: 'row_1', seq: 7 };

test('every sealed column is bound to install, tenant, table, column, row, session and seq', () => {
  const places: Place[] = [];
  const sealer = {
    seal(_key: unknown, place: Place, text: Uint8Array | string) {
      places.push(place);
      return Buffer.from(text);
    },
    open(_key: unknown, place: Place, record: Uint8Array) {
      places.push(place);
      return record;
    },
  };
  const seals = createSeals({ sealer, install: 'i1', log: silentLogger });
  for (const name of Object.keys(SEALED_COLUMNS) as SealedColumn[]) {
    const [table, column] = name.split('.');
    const record = seals.seal(name, {} as never, row, { a: ['ü', null] });
    expect(seals.open(name, {} as never, row, record)).toEqual({ value: { a: ['ü', null] } });
    expect(places.splice(0)).toEqual(
      Array(2).fill({ install: 'i1', tenant: 't1', table, column, rowId: 'row_1', sessionId: 'ses_1', seq: 7 }),
    );
  }
});

test('what does not open is undefined and logged by id, never by content', () => {
  const lines: unknown[] = [];
  const log = { ...silentLogger, error: (event: string, fields?: object) => void lines.push({ event, ...fields }) };
  const sealer = {
    seal: () => Buffer.alloc(0),
    open: () => {
      throw new Error('secret text');
    },
  };
  const seals = createSeals({ sealer, install: 'i1', log });
  expect(seals.open('messages.content_sealed', {} as never, row, Buffer.from('x'))).toBeUndefined();
  expect(lines).toEqual([{ event: 'record.damaged', part: 'messages.content_sealed', sessionId: 'ses_1', code: 'row_1', seq: 7 }]);
});
