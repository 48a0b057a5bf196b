import { ChartColumn, Table2 } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import type { Series } from '../../../../src/contract/series.ts';
import { formatWhen } from '../../lib/format.ts';
import { go, linkTo } from '../../lib/router.ts';
import { Button } from '../../parts/button.tsx';
import { Panel } from '../../parts/panel.tsx';
import { type ChartLine, lastOf, sumOf } from './chart-lines.ts';

const Plot = lazy(async () => ({ default: (await import('./plot.tsx')).Plot }));

interface ChartProps {
  title: string;
  series: Series;
  lines: readonly ChartLine[];
  shape: 'bars' | 'lines';
  format(value: number): string;
  /** What to say when there is nothing to draw. */
  nothing: string;
}

/** Turns are counted when they end and listed by when they were accepted: one that took a while began before its step. */
const EARLIER_S = 60;
const turnsOf = (series: Series, index: number) => {
  const start = series.times[index] ?? 0;
  const iso = (seconds: number) => new Date(seconds * 1_000).toISOString();
  return { since: iso(start - EARLIER_S), until: iso(start + series.stepS) };
};

/** One chart, its legend with the figures under the pointer, and the same as a table. */
export function Chart(props: ChartProps) {
  const { title, series, lines, shape, nothing } = props;
  const [isTable, setTable] = useState(false);
  const [hovered, setHovered] = useState<number | null>(null);
  const isEmpty = lines.every(({ values }) => (shape === 'bars' ? sumOf(values) === 0 : lastOf(values) === null));
  const Icon = isTable ? ChartColumn : Table2;
  const change = (
    <Button size="small" look="ghost" aria-label={`${title}: show as ${isTable ? 'chart' : 'table'}`} onClick={() => setTable(!isTable)}>
      <Icon aria-hidden className="size-3.5" />
      {isTable ? 'Chart' : 'Table'}
    </Button>
  );
  return (
    <Panel title={title} aside={change} className="min-w-0">
      <div className={`flex flex-col px-4 pt-3 pb-2 ${isTable ? 'h-68' : 'min-h-68'}`}>
        {isTable ? (
          <Figures {...props} />
        ) : (
          <>
            <Legend {...props} hovered={isEmpty ? null : hovered} />
            {isEmpty ? (
              <p className="flex grow items-center justify-center text-center text-muted">{nothing}</p>
            ) : (
              <div role="img" aria-label={`${title}, drawn; the same as a table with the button above`} className="mt-auto">
                <Suspense fallback={<div className="h-[200px]" />}>
                  <Plot
                    times={series.times}
                    stepS={series.stepS}
                    lines={lines}
                    shape={shape}
                    format={props.format}
                    onHover={setHovered}
                    onPick={(index) => go('turns', undefined, turnsOf(series, index))}
                  />
                </Suspense>
              </div>
            )}
          </>
        )}
      </div>
    </Panel>
  );
}

function Legend({ series, lines, shape, format, hovered }: ChartProps & { hovered: number | null }) {
  const figure = ({ values }: ChartLine) => {
    const value = hovered === null ? (shape === 'bars' ? sumOf(values) : lastOf(values)) : (values[hovered] ?? null);
    return value === null ? '–' : format(value);
  };
  const at = hovered === null ? undefined : series.times[hovered];
  return (
    <ul className="flex min-h-10 flex-wrap content-start gap-x-4 gap-y-0.5 text-xs">
      {lines.map((line) => (
        <li key={line.label} className="flex min-w-0 items-center gap-1.5">
          <span aria-hidden className="size-2 shrink-0 rounded-xs" style={{ backgroundColor: `var(--${line.color})` }} />
          <span className="truncate text-muted">{line.label}</span>
          <span className="font-medium tabular">{figure(line)}</span>
        </li>
      ))}
      <li className="ml-auto text-muted tabular">
        {at === undefined ? (shape === 'bars' ? 'in all' : 'latest') : formatWhen(new Date(at * 1_000).toISOString())}
      </li>
    </ul>
  );
}

/** Steps without a figure are left out; the newest is first. */
function Figures({ title, series, lines, format, nothing }: ChartProps) {
  const steps = series.times
    .map((at, index) => ({ at, index }))
    .filter(({ index }) => lines.some(({ values }) => (values[index] ?? 0) !== 0))
    .reverse();
  if (steps.length === 0) return <p className="flex grow items-center justify-center text-center text-muted">{nothing}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard.
    <section aria-label={`${title} as a table`} tabIndex={0} className="relative -mx-4 min-h-0 grow overflow-auto">
      <table className="w-full text-xs tabular">
        <thead className="sticky top-0 bg-panel text-muted">
          <tr>
            <th className="px-4 py-1.5 text-left font-medium">From</th>
            {lines.map(({ label }) => (
              <th key={label} className="px-4 py-1.5 text-right font-medium whitespace-nowrap">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {steps.map(({ at, index }) => (
            <tr key={at} className="border-t border-line">
              <td className="px-4 py-1.5 whitespace-nowrap">
                <a href={linkTo('turns', undefined, turnsOf(series, index))} className="text-accent underline">
                  {formatWhen(new Date(at * 1_000).toISOString())}
                </a>
              </td>
              {lines.map(({ label, values }) => (
                <td key={label} className="px-4 py-1.5 text-right whitespace-nowrap">
                  {typeof values[index] === 'number' ? format(values[index]) : '–'}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
