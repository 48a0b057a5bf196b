/**
 * The second opinion on the audit chain. It shares nothing with what writes it: its own SQL, and the bytes of a row put together from the
 * documentation at the top of `src/crypto/chain.ts`, from the bytes that lie in the file (a text column is read as a blob: what is not UTF-8 must not
 * be mended on the way). Only the types of the report come from elsewhere.
 */
import { createHash } from 'node:crypto';
import { setImmediate as nextRound } from 'node:timers/promises';
import type { AuditFinding, AuditHead, AuditVerification } from '../contract/audit.ts';

/** Integers are read as text: a planted one may be larger than a number holds. */
const ROW = `CAST(writer AS BLOB) AS writer, CAST(seq AS TEXT) AS seq, CAST(at AS TEXT) AS at, CAST(tenant AS BLOB) AS tenant, CAST(principal AS BLOB) AS principal,
  CAST(action AS BLOB) AS action, CAST(target AS BLOB) AS target, CAST(request_id AS BLOB) AS request, CAST(outcome AS BLOB) AS outcome,
  CAST(detail AS BLOB) AS detail, prev_hash AS prev, hash AS own`;
/** Few enough that a server which verifies itself goes on answering between two pages. */
const PAGE_ROWS = 200;
const FIRST = `SELECT ${ROW} FROM audit ORDER BY audit.writer, audit.seq LIMIT ${PAGE_ROWS}`;
/** The number is bound as text and compared as a number; a cast around it would keep the index from being used for it. */
export const NEXT_AUDIT_ROWS = `SELECT ${ROW} FROM audit WHERE (audit.writer, audit.seq) > (CAST(? AS TEXT), ?) ORDER BY audit.writer, audit.seq LIMIT ${PAGE_ROWS}`;
const OWN_WRITER = `SELECT CAST(value AS BLOB) AS value FROM meta WHERE key = 'writer'`;

const FINDINGS_MAX = 1_000;
const CHANGED = 'The row is not what its hash says: something in it was changed after it was written.';
const HASHED = ['tenant', 'principal', 'action', 'target', 'request', 'outcome', 'detail'] as const;

type Cells = Readonly<Record<string, unknown>>;
/** Rows of committed data; may throw when the file is damaged. */
export type AuditRead = (sql: string, values: (string | Uint8Array)[]) => Promise<Cells[]>;

/**
 * Reads the whole chain, page by page, and lets other work in between. Never throws: what cannot be read is a finding. `rowsMax` ends the reading
 * early, for a look that must not take long: what comes after is then neither missed nor vouched for.
 */
export async function verifyAudit(
  read: AuditRead,
  heads: readonly AuditHead[] = [],
  rowsMax = Number.POSITIVE_INFINITY,
): Promise<AuditVerification> {
  const findings = createFindings();
  let own = '';
  let chain: Chain | undefined;
  try {
    const [cell] = await read(OWN_WRITER, []);
    own = hex(cell?.value);
    chain = createChain(textOf(cell?.value), heads, findings);
    let strangers: string | undefined;
    let last: Cells | undefined;
    for (let seen = 0; seen < rowsMax; seen += PAGE_ROWS) {
      const rows = last ? await read(NEXT_AUDIT_ROWS, [bytesOf(last.writer), textOf(last.seq)]) : await read(FIRST, []);
      for (const row of rows) {
        if (last && !comesAfter(row, last)) {
          // A damaged index would be walked in circles.
          findings.add({ ...placeOf(row), kind: 'order', cause: 'The rows do not lie in the order of their numbers.' });
          return chain.report(false);
        }
        last = row;
        if (hex(row.writer) === own) chain.take(row);
        else if (strangers !== hex(row.writer)) {
          strangers = hex(row.writer);
          findings.add({ ...placeOf(row), kind: 'stranger', cause: 'Rows of a writer that this install does not have begin here.' });
        }
      }
      if (rows.length < PAGE_ROWS) return chain.report(true);
      await nextRound();
    }
    return chain.report(false);
  } catch {
    // Which page of the file is broken says SQLite to the doctor; here it counts that the rest of the chain was not seen.
    const report = (chain ?? createChain('', [], findings)).report(false);
    findings.add({
      kind: 'unreadable',
      writer: '',
      seq: (report.head?.seq ?? 0) + 1,
      cause: 'The rows from here on could not be read.',
    });
    return { ...report, ok: false, findings: findings.kept, findingsTotal: findings.total() };
  }
}

interface Chain {
  take(row: Cells): void;
  /** `isWhole`: nothing comes after what was taken. */
  report(isWhole: boolean): AuditVerification;
}

/** One writer's chain, row by row. */
function createChain(writer: string, heads: readonly AuditHead[], findings: Findings): Chain {
  let rows = 0;
  let seq = 0n;
  let hash: Uint8Array = new Uint8Array(32);
  let isSound = true;
  const found = (kind: AuditFinding['kind'], at: bigint, cause: string, to?: bigint) =>
    findings.add({ kind, writer, seq: Number(at), ...(to !== undefined && to !== at && { toSeq: Number(to) }), cause });

  function judge(row: Cells, at: bigint, isNext: boolean): void {
    const isIntact = hex(row.own) === digest(row.prev, row, at);
    const isLinked = !isNext || hex(row.prev) === hex(hash);
    if (!isIntact) {
      // With only the copy of the previous hash touched, the row before is what it was; otherwise this row is no witness for it.
      const isWitness = isLinked || !isSound || hex(row.own) === digest(hash, row, at);
      found('changed', at, isWitness ? CHANGED : `${CHANGED} It vouches no more for the row before it.`);
    } else if (!isLinked && isSound) {
      if (seq === 0n) found('link', at, 'The first row does not begin a chain.');
      else found('link', seq, 'The row was replaced as a whole: the row after it vouches for another one.');
    }
    isSound = isIntact;
  }

  return {
    take(row) {
      rows += 1;
      const at = BigInt(textOf(row.seq));
      if (at < 1n) return found('order', at, 'A row stands before the first.');
      if (at > seq + 1n) found('gap', seq + 1n, 'Rows are missing.', at - 1n);
      judge(row, at, at === seq + 1n);
      seq = at;
      hash = bytesOf(row.own);
      const given = heads.find((head) => BigInt(head.seq) === at);
      if (given && given.hash !== hex(hash))
        found(
          'head',
          at,
          'Another row stands here than when the given head was noted: history was rewritten, or an older copy was put back and went on.',
        );
    },
    report(isWhole) {
      if (isWhole && writer !== '' && rows === 0) found('gap', 1n, 'The chain is empty, and every install has a first row.');
      const last = heads.reduce((most, head) => Math.max(most, head.seq), 0);
      if (isWhole && BigInt(last) > seq)
        found('cut', seq + 1n, 'The chain ends before the given head: its end was cut off, or an older copy was put back.', BigInt(last));
      if (isWhole && writer === '')
        findings.add({ kind: 'stranger', writer: '', seq: 0, cause: 'The data does not say which chain is its own.' });
      const head = seq > 0n && seq <= BigInt(Number.MAX_SAFE_INTEGER) ? { seq: Number(seq), hash: hex(hash) } : null;
      const total = findings.total();
      return { ok: total === 0, rows, head, findings: findings.kept, findingsTotal: total, undetectable: undetectable(last) };
    },
  };
}

/** Said with every report, so that "no findings" is never read as more than it is. */
function undetectable(headSeq: number): string[] {
  const where = headSeq === 0 ? '' : ` after row ${headSeq}`;
  return [
    `Rows cut off the end${where}, or an older copy of the whole database put back${headSeq === 0 ? '' : ` that was made after row ${headSeq} was written`}.`,
    `Rows${where} rewritten up to the end of the chain, with new hashes, by somebody who can write to the database.`,
    'A well-formed row appended at the end by somebody who can write to the database, and acts for which no row was ever written.',
    ...(headSeq === 0
      ? ['A head that was kept elsewhere shows the first two, for the rows up to its own: give it with --head <seq>:<hash>.']
      : []),
  ];
}

/** SHA-256 over the documented bytes, in hex. `at` is the row's seq. */
function digest(previous: unknown, row: Cells, at: bigint): string {
  const sum = createHash('sha256');
  const counted = (bytes: Uint8Array) => {
    const length = new DataView(new ArrayBuffer(4));
    length.setUint32(0, bytes.byteLength);
    sum.update(new Uint8Array(length.buffer)).update(bytes);
  };
  const integer = (value: bigint) => {
    const eight = new DataView(new ArrayBuffer(8));
    eight.setBigUint64(0, value);
    sum.update(new Uint8Array(eight.buffer));
  };
  counted(new TextEncoder().encode('holdfast-audit/v1'));
  sum.update(bytesOf(previous));
  counted(bytesOf(row.writer));
  integer(at);
  integer(BigInt(textOf(row.at)));
  for (const name of HASHED) counted(bytesOf(row[name]));
  // A previous hash of another length would shift every byte after it.
  return bytesOf(previous).byteLength === 32 ? sum.digest('hex') : '';
}

function comesAfter(row: Cells, last: Cells): boolean {
  const order = Buffer.compare(bytesOf(row.writer), bytesOf(last.writer));
  return order > 0 || (order === 0 && BigInt(textOf(row.seq)) > BigInt(textOf(last.seq)));
}

const bytesOf = (value: unknown): Uint8Array => (value instanceof Uint8Array ? value : new Uint8Array(0));
const textOf = (value: unknown): string => (value instanceof Uint8Array ? Buffer.from(value).toString() : String(value ?? ''));
const hex = (value: unknown): string => Buffer.from(bytesOf(value)).toString('hex');
const placeOf = (row: Cells) => ({ writer: textOf(row.writer), seq: Number(textOf(row.seq)) });

interface Findings {
  readonly kept: AuditFinding[];
  total(): number;
  add(finding: AuditFinding): void;
}

/** The first of them, and how many there were. */
function createFindings(): Findings {
  const kept: AuditFinding[] = [];
  let total = 0;
  return {
    kept,
    total: () => total,
    add(finding) {
      total += 1;
      if (kept.length < FINDINGS_MAX) kept.push(finding);
    },
  };
}
