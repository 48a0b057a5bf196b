import type { AuditFinding, AuditRow } from '../../../../src/contract/audit.ts';
import { formatWhen, shortId } from '../../lib/format.ts';
import { Chip, type Tone } from '../../parts/chip.tsx';
import { findingAt, placeOf } from './use-audit.ts';

const TONES: Record<string, Tone> = {
  ok: 'ok',
  completed: 'ok',
  degraded: 'warn',
  unknown: 'warn',
  cancelled: 'quiet',
  failed: 'bad',
  error: 'bad',
  findings: 'bad',
  unauthenticated: 'bad',
};

interface AuditTableProps {
  rows: readonly AuditRow[];
  findings: readonly AuditFinding[];
  /** The place of the row that was asked for. */
  marked: string | undefined;
  open(row: AuditRow): void;
}

export function AuditTable({ rows, findings, marked, open }: AuditTableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it.
    <section aria-label="Audit rows" tabIndex={0} className="overflow-x-auto -outline-offset-2">
      <table className="w-full min-w-3xl text-left">
        <thead className="border-b border-line text-xs text-muted">
          <tr>
            {['#', 'When', 'Who', 'What', 'Target', 'Outcome', 'Detail'].map((name) => (
              <th key={name} scope="col" className="px-3 py-2 font-medium first:pl-4">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-line">
          {rows.map((row) => {
            const place = placeOf(row);
            return <Row key={place} row={row} finding={findingAt(findings, row)} isMarked={place === marked} open={open} />;
          })}
        </tbody>
      </table>
    </section>
  );
}

interface RowProps {
  row: AuditRow;
  finding: AuditFinding | undefined;
  isMarked: boolean;
  open(row: AuditRow): void;
}

function Row({ row, finding, isMarked, open }: RowProps) {
  const ground = finding ? 'bg-bad-soft' : 'hover:bg-raised';
  return (
    <tr id={`row-${placeOf(row)}`} className={`${ground} ${isMarked ? 'outline-2 -outline-offset-2 outline-accent' : ''}`}>
      <td className="py-1.5 pr-3 pl-2">
        <button
          type="button"
          onClick={() => open(row)}
          className="rounded px-2 py-0.5 font-mono text-xs text-accent tabular hover:underline"
          aria-label={`Row ${row.seq}`}
        >
          {row.seq}
        </button>
      </td>
      <td className="px-3 py-1.5 text-xs whitespace-nowrap text-muted tabular">{formatWhen(row.at)}</td>
      <td className="max-w-40 truncate px-3 py-1.5 text-xs" title={row.principal}>
        {shortId(row.principal)}
      </td>
      <td className="px-3 py-1.5 font-mono text-xs whitespace-nowrap">{row.action}</td>
      <td className="max-w-48 truncate px-3 py-1.5 font-mono text-xs" title={row.target}>
        {shortId(row.target)}
      </td>
      <td className="px-3 py-1.5">
        {finding ? (
          <Chip tone="bad">{finding.kind}</Chip>
        ) : (
          <Chip tone={TONES[row.outcome] ?? 'warn'}>{row.outcome.replaceAll('_', ' ')}</Chip>
        )}
      </td>
      <td className="max-w-64 truncate px-3 py-1.5 font-mono text-xs text-muted" title={row.detail}>
        {row.detail}
      </td>
    </tr>
  );
}
