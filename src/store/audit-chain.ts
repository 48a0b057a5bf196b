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

/** The last row of the chain cannot be built upon: nothing is written after it, as nothing is done without its audit row. */
export class ChainDamaged extends Error {
  override readonly name = 'ChainDamaged';
}

/** Where a chain stands by its last row, or undefined when that row cannot be built upon. Whether it is true is for a verifier to say. */
export function headOf({ seq, hash }: Row): { seq: number; hash: Uint8Array } | undefined {
  const isPlace = typeof seq === 'number' && Number.isSafeInteger(seq + 1) && seq >= 1;
  return isPlace && hash instanceof Uint8Array && hash.length === GENESIS.length ? { seq, hash } : undefined;
}

/** What the chain needs of a connection; both run inside the open transaction. */
export interface ChainSql {
  get(sql: string, values: Value[]): Row | undefined;
  run(sql: string, values: Value[]): void;
}

export interface AuditChain {
  /** Throws ChainDamaged when the last row cannot be built upon. */
  append(entry: AuditEntry): void;
  /** Reads the head anew; throws as `append` does. */
  check(): void;
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
    const last = lastRow(writer);
    if (!last) return { writer, seq: 0, hash: GENESIS };
    const known = headOf(last);
    if (!known) throw new ChainDamaged('the last row of the audit chain is damaged');
    return { writer, ...known };
  }

  function lastRow(writer: string): Row | undefined {
    try {
      return sql.get(FIND_HEAD, [writer]);
    } catch (error) {
      // A place that no number holds exactly: node:sqlite does not hand it out.
      if (error instanceof Error && 'code' in error && error.code === 'ERR_OUT_OF_RANGE')
        throw new ChainDamaged('the last place in the audit chain is damaged', { cause: error });
      throw error;
    }
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
    check() {
      head = load();
    },
    head: () => head,
    restore(to) {
      head = to;
    },
  };
}
