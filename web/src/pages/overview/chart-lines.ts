// Which figures of the series each chart draws.
import type { Column, Series } from '../../../../src/contract/series.ts';

export interface ChartLine {
  label: string;
  /** A colour of the style sheet, without its dashes. */
  color: string;
  values: Column;
  dash?: readonly number[];
}

/** More codes than colours would not be told apart; the rest is summed up. */
const CODES_MAX = 5;
const CODE_COLORS = ['bad', 'warn', 'accent', 'quiet', 'ok'] as const;

export const sumOf = (values: Column): number => values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
export const lastOf = (values: Column): number | null => values.findLast((value) => value !== null) ?? null;

export const outcomeLines = ({ outcomes }: Series): ChartLine[] => [
  { label: 'completed', color: 'ok', values: outcomes.completed },
  { label: 'degraded', color: 'warn', values: outcomes.degraded },
  { label: 'failed', color: 'bad', values: outcomes.failed },
  { label: 'cancelled', color: 'quiet', values: outcomes.cancelled },
];

export const latencyLines = ({ latencyMs }: Series): ChartLine[] => [
  { label: 'p50', color: 'accent', values: latencyMs.p50 },
  { label: 'p95', color: 'warn', values: latencyMs.p95, dash: [8, 4] },
  { label: 'p99', color: 'bad', values: latencyMs.p99, dash: [2, 4] },
];

export const tokenLines = ({ tokens }: Series): ChartLine[] => [
  { label: 'input', color: 'accent', values: tokens.input },
  { label: 'output', color: 'ok', values: tokens.output },
];

/** Turns by reason, requests by problem, model calls by failure: the commonest first. */
export function errorLines({ errors, times }: Series): ChartLine[] {
  const all = [
    ...Object.entries(errors.reasons).map(([code, values]) => ({ label: `turn · ${code}`, values })),
    ...Object.entries(errors.models).map(([code, values]) => ({ label: `model call · ${code}`, values })),
    ...Object.entries(errors.problems).map(([code, values]) => ({ label: `request · ${code}`, values })),
  ].sort((a, b) => sumOf(b.values) - sumOf(a.values));
  const shown = all.slice(0, all.length > CODES_MAX ? CODES_MAX - 1 : CODES_MAX);
  const rest = all.slice(shown.length);
  if (rest.length > 0) {
    shown.push({
      label: `${rest.length} others`,
      values: times.map((_, at) => rest.reduce((sum, { values }) => sum + (values[at] ?? 0), 0)),
    });
  }
  return shown.map((line, index) => ({ ...line, color: CODE_COLORS[index] ?? 'quiet' }));
}
