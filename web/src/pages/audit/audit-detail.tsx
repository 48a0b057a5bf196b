import type { ReactNode } from 'react';
import type { AuditFinding, AuditRow } from '../../../../src/contract/audit.ts';
import { formatWhen } from '../../lib/format.ts';
import { linkTo } from '../../lib/router.ts';
import { CodeBlock } from '../../parts/code-block.tsx';
import { CopyId } from '../../parts/copy-id.tsx';
import { Drawer } from '../../parts/drawer.tsx';

/** One row in full, and the ways on from it. */
export function AuditDetail({ row, finding, onClose }: { row: AuditRow; finding: AuditFinding | undefined; onClose(): void }) {
  const ids: [string, string][] = [
    ['Who', row.principal],
    ['Target', row.target],
    ['Request', row.requestId],
    ['Writer', row.writer],
    ['Hash', row.hash],
  ];
  return (
    <Drawer title={`#${row.seq} ${row.action}`} onClose={onClose}>
      {finding && (
        <p role="alert" className="rounded-lg border border-bad/40 bg-bad-soft p-3">
          <strong className="font-semibold text-bad">{finding.kind}</strong> {finding.cause}
        </p>
      )}
      <dl className="flex flex-col divide-y divide-line rounded-xl border border-line bg-panel">
        <Item name="When">
          <span className="text-xs tabular">{row.at === null ? 'no time that a calendar has' : `${formatWhen(row.at)} (${row.at})`}</span>
        </Item>
        <Item name="Outcome">{row.outcome}</Item>
        {ids.map(([name, id]) => (
          <Item key={name} name={name}>
            {id === '' ? '–' : <CopyId id={id} short={false} />}
          </Item>
        ))}
      </dl>
      {row.detail !== '' && <CodeBlock language="detail" text={pretty(row.detail)} />}
      <nav aria-label="Ways on" className="flex flex-wrap gap-3 text-xs font-medium text-accent">
        {row.target.startsWith('trn_') && <a href={linkTo('turns', row.target)}>Open the turn</a>}
        {row.target.startsWith('ses_') && <a href={linkTo('sessions', row.target)}>Open the session</a>}
        {row.requestId !== '' && <a href={linkTo('logs', undefined, { requestId: row.requestId })}>Log lines of this request</a>}
      </nav>
    </Drawer>
  );
}

const Item = ({ name, children }: { name: string; children: ReactNode }) => (
  <div className="flex flex-wrap items-center gap-x-3 px-4 py-2">
    <dt className="w-20 text-xs text-muted">{name}</dt>
    <dd className="min-w-0 wrap-anywhere">{children}</dd>
  </div>
);

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    // A row somebody changed need not hold JSON: shown as it is.
    return json;
  }
}
