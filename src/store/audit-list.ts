// The audit rows as an operator reads them, page by page.
import { bytesOf, numberOf, textOf } from './columns.ts';
import type { Database, Row, Value } from './database.ts';
import { badCursor } from './messages.ts';
import type { AuditQuery, Listed, StoredAuditRow } from './store.ts';

const COLUMNS = 'writer, seq, at, principal, action, target, request_id, outcome, detail, hash';
/** Newest first is the order of the chain, never of the clock: the clock may have been put back. */
const ORDER = 'ORDER BY writer DESC, seq DESC';
/** Rows one page looks at. A rare filter over a long chain gives short pages with a cursor instead of holding the process up. */
const SCAN_MAX = 20_000;
const CURSOR = /^(\d{1,15})\.([0-9a-z]{1,64})$/;

export async function listAudit(db: Database, query: AuditQuery): Promise<Listed<StoredAuditRow>> {
  const { scan, filters, place, wanted } = listing(query);
  const rows = await db.read(`SELECT ${COLUMNS} FROM (${scan} ${ORDER} LIMIT ${SCAN_MAX}) ${filters} ${ORDER} LIMIT ?`, [
    ...place,
    ...wanted,
    query.limit + 1,
  ]);
  const items = rows.slice(0, query.limit).map(fromRow);
  const last = items.at(-1);
  if (rows.length > query.limit && last) return { items, nextCursor: cursorOf(last) };
  const [end] = await db.read(`${scan} ${ORDER} LIMIT 1 OFFSET ${SCAN_MAX - 1}`, place);
  return { items, nextCursor: end ? cursorOf({ writer: textOf(end, 'writer'), seq: numberOf(end, 'seq') }) : null };
}

const cursorOf = ({ writer, seq }: { writer: string; seq: number }): string => `${seq}.${writer}`;

/** One of a few fixed texts: where the page begins, and what of it is wanted. */
function listing({ cursor, action, principal, since }: AuditQuery): { scan: string; filters: string; place: Value[]; wanted: Value[] } {
  const conditions: string[] = [];
  const wanted: Value[] = [];
  const where = (condition: string, value: Value | undefined) => {
    if (value === undefined) return;
    conditions.push(condition);
    wanted.push(value);
  };
  where('action = ?', action);
  where('principal = ?', principal);
  where('at >= ?', since);
  const filters = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  if (cursor === undefined) return { scan: `SELECT ${COLUMNS} FROM audit`, filters, place: [], wanted };
  const [, seq, writer] = CURSOR.exec(cursor) ?? [];
  if (seq === undefined || writer === undefined) throw badCursor();
  return { scan: `SELECT ${COLUMNS} FROM audit WHERE (writer, seq) < (?, ?)`, filters, place: [writer, Number(seq)], wanted };
}

const fromRow = (row: Row): StoredAuditRow => ({
  writer: textOf(row, 'writer'),
  seq: numberOf(row, 'seq'),
  at: numberOf(row, 'at'),
  principal: textOf(row, 'principal'),
  action: textOf(row, 'action'),
  target: textOf(row, 'target'),
  requestId: textOf(row, 'request_id'),
  outcome: textOf(row, 'outcome'),
  detail: textOf(row, 'detail'),
  hash: Buffer.from(bytesOf(row, 'hash')).toString('hex'),
});
