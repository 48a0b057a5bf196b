// A look at open data by the store itself, in pieces small enough that turns go on meanwhile.
import type { Finding } from '../contract/finding.ts';
import { type SampleParts, sampleRecords } from './record-sample.ts';
import { auditFinding, recordsFinding, unreadableFinding } from './store-findings.ts';
import { verifyAudit } from './verify-audit.ts';

/** What a server looks at when it is asked how it is; `holdfast audit verify` looks at all. */
const AUDIT_ROWS_MAX = 20_000;

/** Never rejects. */
export async function examine(parts: SampleParts, budgetMs: number): Promise<Finding[]> {
  const { db } = parts;
  const [records, audit] = await Promise.all([
    sampleRecords(parts, budgetMs).then(recordsFinding, unreadableFinding),
    verifyAudit((sql, values) => db.read(sql, values), [], AUDIT_ROWS_MAX),
  ]);
  return [records, auditFinding(audit, AUDIT_ROWS_MAX)];
}
