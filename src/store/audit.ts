import type { Clock } from '../base/clock.ts';
import type { AuditAction } from '../contract/audit-actions.ts';
import { headOf, WRITER_KEY } from './audit-chain.ts';
import type { AuditEntry } from './audit-entry.ts';
import { damagedRecord } from './damaged-rows.ts';
import type { Database } from './database.ts';

const HEAD = 'SELECT seq, hash FROM audit WHERE writer = (SELECT value FROM meta WHERE key = ?) ORDER BY seq DESC LIMIT 1';

/** Far more rows than are written while a clock is wrong unnoticed. */
const NEWEST = `SELECT MAX(at) AS at FROM (SELECT at FROM audit WHERE writer = (SELECT value FROM meta WHERE key = ?) ORDER BY seq DESC LIMIT 10000) AS newest`;

/** Wall time of the latest of the newest rows; undefined when there is none that can be read. */
export async function newestAt(db: Pick<Database, 'read'>): Promise<number | undefined> {
  const [row] = await db.read(NEWEST, [WRITER_KEY]);
  return typeof row?.at === 'number' ? row.at : undefined;
}

/** Facts for `AuditEntry.detail`: clear text the design allows, nothing a caller wrote. */
export type AuditDetail = Record<string, string | number | undefined>;

/** Canonical JSON: keys sorted, absent facts left out, '' for none. */
export function canonicalDetail(detail: AuditDetail): string {
  let json = '';
  for (const key of Object.keys(detail).sort()) {
    const value = detail[key];
    if (value !== undefined) json += `${json === '' ? '{' : ','}${JSON.stringify(key)}:${JSON.stringify(value)}`;
  }
  return json === '' ? '' : `${json}}`;
}

export interface Act {
  principal: string;
  action: AuditAction;
  target: string;
  requestId: string;
  outcome: string;
  detail?: AuditDetail;
}

export interface Audit {
  /** The entry of an act, for the unit that does it. */
  entry(tenant: string, act: Act): AuditEntry;
  /** Rejects with AppError `internal` when the last row cannot be built upon. */
  head(): Promise<{ seq: number; hash: string } | undefined>;
  /** What the last look at the head found. */
  damaged(): boolean;
}

export function createAudit({ db, clock }: { db: Database; clock: Clock }): Audit {
  let damaged = false;
  return {
    entry: (tenant, { detail = {}, ...act }) => ({ at: wallTime(clock), tenant, ...act, detail: canonicalDetail(detail) }),
    async head() {
      const [row] = await db.read(HEAD, [WRITER_KEY]);
      const head = row && headOf(row);
      damaged = row !== undefined && head === undefined;
      if (damaged) throw damagedRecord();
      return head && { seq: head.seq, hash: Buffer.from(head.hash).toString('hex') };
    },
    damaged: () => damaged,
  };
}

/** Whole milliseconds, never before 1970: what an integer column and the hash of an audit row take, whatever the machine's clock says. */
export const wallTime = (clock: Clock): number => Math.max(0, Math.trunc(clock.now()));
