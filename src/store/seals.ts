// Which columns hold records, under which key, and what binds each record to its row. SQL sees nothing of what is in them.
import type { Logger } from '../base/log.ts';
import type { Place, SessionKey } from '../crypto/types.ts';
import type { Sealer } from './sealer.ts';

/**
 * `key`: the session's own key, or the tenant's for records that belong to no session. `row` and `seq` say what stands for the row id and the
 * sequence number in the record's AAD: a record copied to another row, column or session does not open, nor does an old one put back.
 */
export const SEALED_COLUMNS = {
  'sessions.title_sealed': { key: 'session', row: 'session id', seq: 'revision of the session' },
  'sessions.user_sealed': { key: 'session', row: 'session id', seq: 'revision of the session' },
  'sessions.metadata_sealed': { key: 'session', row: 'session id', seq: 'revision of the session' },
  'turns.options_sealed': { key: 'session', row: 'turn id', seq: 'no of the turn' },
  'messages.content_sealed': { key: 'session', row: 'message id', seq: 'seq of the message' },
  'steps.detail_sealed': { key: 'session', row: 'turn id', seq: 'no of the step row' },
  'outbox.payload_sealed': { key: 'session', row: 'outbox id', seq: '0: written once' },
  'api_keys.facts_sealed': { key: 'tenant', row: 'key id', seq: 'revision of the key' },
  'logins.facts_sealed': { key: 'tenant', row: 'login id', seq: '0: written once' },
} as const;
export type SealedColumn = keyof typeof SEALED_COLUMNS;

export interface RowPlace {
  tenant: string;
  sessionId: string;
  rowId: string;
  seq: number;
}

export interface Seals {
  seal(column: SealedColumn, key: SessionKey, row: RowPlace, value: unknown): Uint8Array;
  /** The value, or undefined when the record does not open: logged by id, and never guessed at. */
  open(column: SealedColumn, key: SessionKey, row: RowPlace, record: Uint8Array): { value: unknown } | undefined;
}

/** Values travel as JSON. */
export function createSeals({ sealer, install, log }: { sealer: Sealer; install: string; log: Logger }): Seals {
  const names = new Map(
    Object.keys(SEALED_COLUMNS).map((name) => {
      const [table = '', column = ''] = name.split('.');
      return [name as SealedColumn, { table, column }] as const;
    }),
  );
  const placeOf = (column: SealedColumn, { tenant, sessionId, rowId, seq }: RowPlace): Place => {
    const name = names.get(column);
    return { install, tenant, table: name?.table ?? '', column: name?.column ?? '', rowId, sessionId, seq };
  };
  return {
    seal: (column, key, row, value) => sealer.seal(key, placeOf(column, row), JSON.stringify(value)),
    open(column, key, row, record) {
      try {
        const bytes = sealer.open(key, placeOf(column, row), record);
        return { value: JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) };
      } catch {
        // The reason is the same opaque one for every kind of damage; the row is what an operator needs.
        log.error('record.damaged', { part: column, sessionId: row.sessionId, code: row.rowId, seq: row.seq });
        return undefined;
      }
    },
  };
}
