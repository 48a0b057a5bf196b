import { AUDIT_HEADS_MAX, type AuditFinding, type AuditHead, type AuditVerification, parseAuditHead } from '../contract/audit.ts';
import type { CommonFlags, Context } from './context.ts';
import { EXIT, usageError } from './failure.ts';
import { fetchBody } from './http-client.ts';
import { runTask } from './run-task.ts';
import { createFinder } from './target.ts';

export interface AuditVerifyFlags extends CommonFlags {
  head?: string[];
}

const VERIFY_MS_MAX = 30 * 60_000;
const SHOWN_MAX = 50;

/** Asks the running agent; without one the file is read as it lies. Exit 1 when something is found. */
export async function verifyAudit(context: Context, flags: AuditVerifyFlags): Promise<number> {
  const heads = (flags.head ?? []).map(headOf);
  if (heads.length > AUDIT_HEADS_MAX)
    throw usageError(`At most ${AUDIT_HEADS_MAX} heads.`, 'holdfast audit verify --head <the newest one>');
  const finder = createFinder(context);
  const report =
    finder.isLocal && !finder.running()
      ? await runTask<AuditVerification>(
          context,
          'audit-verify',
          heads.map(({ seq, hash }) => `--head=${seq}:${hash}`),
        )
      : await fetchBody<AuditVerification>(finder.target(), {
          method: 'POST',
          path: '/v1/audit/verify',
          body: { heads },
          timeoutMs: VERIFY_MS_MAX,
        });
  if (flags.json) context.io.out.line(JSON.stringify(report));
  else print(context, report, heads.length > 0);
  return report.ok ? EXIT.done : EXIT.failed;
}

function headOf(text: string): AuditHead {
  const head = parseAuditHead(text);
  if (!head) throw usageError('--head must be <seq>:<hash>, as status shows it.', 'holdfast status');
  return head;
}

function print({ io: { out, err } }: Context, report: AuditVerification, isInformed: boolean): void {
  const { ok, rows, findings, findingsTotal, head, undetectable } = report;
  if (ok) out.line(`${out.paint('green', `✅ ${rows} audit rows verified`)}${isInformed ? ', the given heads among them' : ''}`);
  else out.line(out.paint('red', `❌ ${findingsTotal} ${findingsTotal === 1 ? 'finding' : 'findings'} in ${rows} audit rows`));
  for (const finding of findings.slice(0, SHOWN_MAX))
    out.line(`${out.paint('bold', placeOf(finding))}  ${finding.kind}: ${out.safe(finding.cause)}`);
  if (findingsTotal > SHOWN_MAX) out.line(`… and ${findingsTotal - SHOWN_MAX} more (--json shows up to 1000)`);
  if (head) out.line(`Head: ${head.seq}:${head.hash}  (keep it elsewhere; give it with --head next time)`);
  err.line(err.paint('dim', 'What this cannot see:'));
  for (const sentence of undetectable) err.line(err.paint('dim', `  ${err.safe(sentence)}`));
}

const placeOf = ({ seq, toSeq }: AuditFinding): string => (toSeq === undefined ? `row ${seq}` : `rows ${seq} to ${toSeq}`);
