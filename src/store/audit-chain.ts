// Appends audit rows inside the writer, the only place that knows the previous hash.
import { GENESIS, linkHash } from '../crypto/chain.ts';
import type { AuditEntry } from './audit-entry.ts';
import type { Row, Value } from './database.ts';

export const WRITER_KEY = 'writer';
const FIND_WRITER = 'SELECT value FROM meta WHERE key = ?';
const FIND_HEAD = 'SELECT seq, hash FROM audit WHERE writer = ? ORDER BY seq DESC LIMIT 1';
const APPEND =
  'INSERT INTO audit (writer, seq, at, tenant, principal, action, target, request_id, outcome, detail, prev_hash, hash) ' +
  'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';

export interface ChainHead {
  writer: string;
  seq: number;
  hash: Uint8Array;
}

/** What the chain needs of a connection; both run inside the open transaction. */
export interface ChainSql {
  get(sql: string, values: Value[]): Row | undefined;
  run(sql: string, values: Value[]): void;
}

export interface AuditChain {
  append(entry: AuditEntry): void;
  /** Where the chain stands; handed back to `restore` when the transaction or savepoint is rolled back. */
  head(): ChainHead | undefined;
  restore(head: ChainHead | undefined): void;
}

/** The head is read from the data when it is not known: after a start, and after a connection was replaced. */
export function createAuditChain(sql: ChainSql): AuditChain {
  let head: ChainHead | undefined;

  function load(): ChainHead {
    const writer = sql.get(FIND_WRITER, [WRITER_KEY])?.value;
    if (typeof writer !== 'string') throw new Error('an audit row came before the writer had an id');
    const last = sql.get(FIND_HEAD, [writer]);
    return last && typeof last.seq === 'number' && last.hash instanceof Uint8Array
      ? { writer, seq: last.seq, hash: last.hash }
      : { writer, seq: 0, hash: GENESIS };
  }

  return {
    append(entry) {
      const { writer, seq: lastSeq, hash: previous } = head ?? load();
      const seq = lastSeq + 1;
      const hash = linkHash(previous, { ...entry, writer, seq });
      const { at, tenant, principal, action, target, requestId, outcome, detail } = entry;
      sql.run(APPEND, [writer, seq, at, tenant, principal, action, target, requestId, outcome, detail, previous, hash]);
      head = { writer, seq, hash };
    },
    head: () => head,
    restore(to) {
      head = to;
    },
  };
}
