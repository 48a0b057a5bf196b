import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ShieldAlert, ShieldCheck, ShieldQuestion } from 'lucide-react';
import type { AuditFinding, AuditVerification } from '../../../../src/contract/audit.ts';
import { api } from '../../lib/api.ts';
import { formatClock, formatCount } from '../../lib/format.ts';
import { Button } from '../../parts/button.tsx';
import { Failure } from '../../parts/failure.tsx';

const LISTED_MAX = 50;

interface Verified {
  at: Date;
  found: AuditVerification;
}

/** What the last verification of this page found; kept as long as the page is open. */
export function useVerified(): Verified | undefined {
  return useQuery<Verified>({ queryKey: ['audit-verified'], enabled: false, gcTime: Number.POSITIVE_INFINITY }).data;
}

/** Whether the chain holds, as far as anybody looked. */
export function ChainBanner({ show }: { show(finding: AuditFinding): void }) {
  const client = useQueryClient();
  const verified = useVerified();
  const verify = useMutation({
    mutationFn: () => api.verifyAudit({}),
    onSuccess(found) {
      client.setQueryData<Verified>(['audit-verified'], { at: new Date(), found });
      void client.invalidateQueries({ queryKey: ['audit'] });
    },
  });
  const ok = verified?.found.ok;
  const Icon = ok === undefined ? ShieldQuestion : ok ? ShieldCheck : ShieldAlert;
  const look = ok === undefined ? 'border-line bg-panel' : ok ? 'border-ok/40 bg-ok-soft' : 'border-bad/40 bg-bad-soft';
  const colour = ok === undefined ? 'text-muted' : ok ? 'text-ok' : 'text-bad';
  return (
    <div className="flex flex-col gap-2">
      <div className={`flex flex-wrap items-start gap-3 rounded-xl border px-4 py-3 ${look}`}>
        <Icon aria-hidden className={`mt-0.5 size-5 shrink-0 ${colour}`} />
        <div role="status" className="min-w-0 grow basis-60">
          <p className="font-medium">{verify.isPending ? 'Verifying every row…' : sentenceOf(verified)}</p>
          <p className="text-muted">
            {ok === false
              ? 'Stop and keep the data as it is: copy the folder before anything else, then compare with a backup.'
              : 'Each row carries the hash of the one before it. Verifying reads them all.'}
          </p>
          {verified && verified.found.undetectable.length > 0 && (
            <details className="mt-1 text-xs text-muted">
              <summary className="w-fit rounded underline underline-offset-2">What this could not have seen</summary>
              <ul className="mt-1 list-disc pl-5">
                {verified.found.undetectable.map((limit) => (
                  <li key={limit}>{limit}</li>
                ))}
              </ul>
            </details>
          )}
        </div>
        <Button onClick={() => verify.mutate()} disabled={verify.isPending}>
          {verify.isPending ? 'Verifying…' : 'Verify now'}
        </Button>
      </div>
      {verify.error && <Failure error={verify.error} retry={() => verify.mutate()} />}
      {verified && !verified.found.ok && <Findings found={verified.found} show={show} />}
    </div>
  );
}

function sentenceOf(verified: Verified | undefined): string {
  if (!verified) return 'Not verified since this page was opened.';
  const { ok, head, findingsTotal } = verified.found;
  const time = formatClock(verified.at);
  if (!ok)
    return `Verified at ${time}: ${formatCount(findingsTotal)} ${findingsTotal === 1 ? 'finding' : 'findings'}. The chain does not hold.`;
  return head ? `Verified to #${formatCount(head.seq)} at ${time}.` : `Verified at ${time}: the chain is empty.`;
}

function Findings({ found, show }: { found: AuditVerification; show(finding: AuditFinding): void }) {
  return (
    <ul aria-label="Findings" className="flex flex-col divide-y divide-line rounded-xl border border-bad/40 bg-panel">
      {found.findings.slice(0, LISTED_MAX).map((finding) => (
        <li key={`${finding.kind}.${finding.writer}.${finding.seq}`} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2">
          <span className="font-mono text-xs font-semibold text-bad tabular">
            #{finding.seq}
            {finding.toSeq !== undefined && finding.toSeq !== finding.seq && `–${finding.toSeq}`} {finding.kind}
          </span>
          <span className="min-w-0 grow basis-60">{finding.cause}</span>
          <Button size="small" onClick={() => show(finding)}>
            Show the row
          </Button>
        </li>
      ))}
      {found.findingsTotal > LISTED_MAX && (
        <li className="px-4 py-2 text-xs text-muted">
          The first {LISTED_MAX} of {formatCount(found.findingsTotal)}. All: npx holdfast audit verify
        </li>
      )}
    </ul>
  );
}
