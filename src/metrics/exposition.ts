// The Prometheus text format, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/
import { BOUNDS_MS, SHOWN_BOUNDS_MS } from './buckets.ts';
import type { HistogramCell, Ledger } from './ledger.ts';
import { COUNTERS, type CounterName, HISTOGRAMS, type HistogramName, type MetricRow, READINGS, type ReadingName } from './table.ts';

/** One value of a reading, with its labels in the order of the table. */
export interface Reading {
  labels?: readonly string[];
  value: number;
}
export type Readings = Record<ReadingName, number | readonly Reading[]>;

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** The text, made anew from the one ledger for each scrape: nothing is counted twice. */
export function exposition(ledger: Ledger, readings: Readings): string {
  const lines: string[] = [];
  const head = ({ name, help }: MetricRow, type: string) => lines.push(`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`);
  for (const key of Object.keys(COUNTERS) as CounterName[]) {
    const row: MetricRow = COUNTERS[key];
    head(row, 'counter');
    for (const { labels, value } of ledger.counter(key)) lines.push(sample(row.name, pairs(row, labels), value));
  }
  for (const key of Object.keys(HISTOGRAMS) as HistogramName[]) {
    const row: MetricRow = HISTOGRAMS[key];
    head(row, 'histogram');
    for (const cell of ledger.histogram(key)) lines.push(...histogramLines(row, cell));
  }
  for (const key of Object.keys(READINGS) as ReadingName[]) {
    const row: MetricRow & { kind: string } = READINGS[key];
    const given = readings[key];
    head(row, row.kind);
    for (const { labels = [], value } of typeof given === 'number' ? [{ value: given }] : given)
      lines.push(sample(row.name, pairs(row, labels), value));
  }
  return `${lines.join('\n')}\n`;
}

/** A bucket counts everything up to its bound; all bounds shown are among those counted by. */
function histogramLines(row: MetricRow, { labels, buckets, sumMs, count }: HistogramCell): string[] {
  const own = pairs(row, labels);
  let upTo = 0;
  let at = 0;
  const lines = SHOWN_BOUNDS_MS.map((shown) => {
    for (; (BOUNDS_MS[at] ?? Number.POSITIVE_INFINITY) <= shown; at += 1) upTo += buckets[at] ?? 0;
    return sample(`${row.name}_bucket`, [...own, `le="${shown / 1_000}"`], upTo);
  });
  lines.push(sample(`${row.name}_bucket`, [...own, 'le="+Inf"'], count));
  lines.push(sample(`${row.name}_sum`, own, sumMs / 1_000), sample(`${row.name}_count`, own, count));
  return lines;
}

const pairs = ({ labels }: MetricRow, values: readonly string[]): string[] =>
  labels.map((label, index) => `${label}="${escapeLabel(values[index] ?? '')}"`);

const sample = (name: string, labels: readonly string[], value: number): string =>
  labels.length === 0 ? `${name} ${value}` : `${name}{${labels.join(',')}} ${value}`;

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"');
