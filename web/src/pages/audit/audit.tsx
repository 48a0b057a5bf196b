import { Download } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { AuditFinding, AuditRow } from '../../../../src/contract/audit.ts';
import { formatCount } from '../../lib/format.ts';
import { narrow, usePlace } from '../../lib/router.ts';
import { saveFile } from '../../lib/save-file.ts';
import { Button } from '../../parts/button.tsx';
import { Empty } from '../../parts/empty.tsx';
import { Failure } from '../../parts/failure.tsx';
import { SelectField, TextField } from '../../parts/field.tsx';
import { Page } from '../../parts/page.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Skeleton } from '../../parts/skeleton.tsx';
import { AuditDetail } from './audit-detail.tsx';
import { AuditTable } from './audit-table.tsx';
import { ChainBanner, useVerified } from './chain-banner.tsx';
import { ACTIONS, type AuditFilters, findingAt, placeOf, readAllAudit, SPANS, useAudit } from './use-audit.ts';

const SEARCH_PAGES_MAX = 200;

export function Audit() {
  const { query } = usePlace();
  const filters: AuditFilters = { action: query.action, principal: query.principal, span: query.span };
  const audit = useAudit(filters);
  const findings = useVerified()?.found.findings ?? [];
  const [opened, setOpened] = useState<AuditRow>();
  const [marked, setMarked] = useState<string>();
  const rows = audit.data?.pages.flatMap((page) => page.data) ?? [];

  useEffect(() => {
    if (marked !== undefined) document.getElementById(`row-${marked}`)?.scrollIntoView({ block: 'center' });
  }, [marked]);
  /** Reads on until the row is there. The one of a gap is gone; the next one after it is shown. */
  async function show(finding: AuditFinding): Promise<void> {
    narrow({ action: undefined, principal: undefined, span: undefined });
    const isIt = (row: AuditRow) => row.writer === finding.writer && row.seq <= (finding.toSeq ?? finding.seq);
    let pages = audit.data?.pages ?? [];
    for (let read = 0; read < SEARCH_PAGES_MAX; read += 1) {
      const found = pages.flatMap((page) => page.data).find(isIt);
      if (found) return setMarked(placeOf(found));
      const next = await audit.fetchNextPage();
      pages = next.data?.pages ?? [];
      if (!next.hasNextPage && !pages.flatMap((page) => page.data).some(isIt)) return;
    }
  }

  return (
    <Page title="Audit" about="Who did what, in the order it happened. Rows are only ever added." aside={<Export filters={filters} />}>
      <ChainBanner show={(finding) => void show(finding)} />
      <Filters filters={filters} />
      {audit.error && <Failure error={audit.error} retry={() => void audit.refetch()} />}
      <Panel className="mb-16 overflow-hidden md:mb-0">
        {audit.isLoading && <Skeleton label="Loading the audit trail" />}
        {audit.isSuccess && rows.length === 0 && (
          <Empty title={audit.hasNextPage ? 'No row here passes the filters' : 'No row passes the filters'}>
            {audit.hasNextPage ? 'Older ones may: read on below.' : 'Clear a filter to see more.'}
          </Empty>
        )}
        {rows.length > 0 && <AuditTable rows={rows} findings={findings} marked={marked} open={setOpened} />}
        {audit.hasNextPage && (
          <div className="flex justify-center border-t border-line p-3">
            <Button size="small" onClick={() => void audit.fetchNextPage()} disabled={audit.isFetchingNextPage}>
              {audit.isFetchingNextPage ? 'Reading…' : 'Older rows'}
            </Button>
          </div>
        )}
      </Panel>
      {opened && <AuditDetail row={opened} finding={findingAt(findings, opened)} onClose={() => setOpened(undefined)} />}
    </Page>
  );
}

function Filters({ filters }: { filters: AuditFilters }) {
  const [principal, setPrincipal] = useState(filters.principal ?? '');
  return (
    <form
      className="flex flex-wrap items-center gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        narrow({ principal: principal.trim() });
      }}
    >
      <SelectField
        label="What was done"
        className="min-w-0 flex-1 sm:flex-none"
        value={filters.action ?? ''}
        onChange={(event) => narrow({ action: event.target.value })}
      >
        <option value="">Every action</option>
        {ACTIONS.map((action) => (
          <option key={action}>{action}</option>
        ))}
      </SelectField>
      <SelectField
        label="Since"
        className="min-w-0 flex-1 sm:flex-none"
        value={filters.span ?? ''}
        onChange={(event) => narrow({ span: event.target.value })}
      >
        <option value="">All time</option>
        {Object.entries(SPANS).map(([span, label]) => (
          <option key={span} value={span}>
            {label}
          </option>
        ))}
      </SelectField>
      <TextField
        label="Who did it"
        placeholder="Who, exactly"
        maxLength={200}
        value={principal}
        onChange={(event) => setPrincipal(event.target.value)}
        onBlur={() => narrow({ principal: principal.trim() })}
        className="min-w-0 grow md:max-w-64"
      />
    </form>
  );
}

function Export({ filters }: { filters: AuditFilters }) {
  const [read, setRead] = useState<number>();
  const [said, setSaid] = useState('');
  const save = async () => {
    setSaid('');
    setRead(0);
    try {
      const { rows, isWhole } = await readAllAudit(filters, setRead);
      const lines = rows.map((row) => `${JSON.stringify(row)}\n`);
      saveFile(`audit-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.jsonl`, lines, 'application/x-ndjson');
      setSaid(
        isWhole ? `${formatCount(rows.length)} rows exported` : `Only the newest ${formatCount(rows.length)} rows: narrow the filters`,
      );
    } catch (error) {
      setSaid(error instanceof Error ? error.message : 'It could not be exported.');
    } finally {
      setRead(undefined);
    }
  };
  return (
    <>
      <span role="status" className="text-xs text-muted tabular empty:absolute">
        {said}
      </span>
      <Button onClick={() => void save()} disabled={read !== undefined} title="JSON Lines, with the filters">
        <Download aria-hidden className="size-4" />
        {read === undefined ? 'Export' : `${formatCount(read)} rows…`}
      </Button>
    </>
  );
}
