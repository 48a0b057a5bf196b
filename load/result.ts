// The figures of a run, as --json prints them and the report draws them.
import type { Ledger } from './ledger.ts';
import type { Limits, Options } from './options.ts';
import { type Percentiles, percentiles, type Reading, type Recorder, type Sample } from './recorder.ts';
import type { Verification } from './verify.ts';

export interface Slice {
  /** Start of the slice, seconds into the run. */
  atS: number;
  perSecond: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
  firstTokenP50: number | null;
  firstTokenP95: number | null;
  errors: number;
  degraded: number;
}

export interface Step {
  connections: number;
  perSecond: number;
  p50: number | null;
  p99: number | null;
  errors: number;
}

export interface Result {
  tool: 'holdfast load';
  startedAt: string;
  agent: string;
  options: Omit<Options, 'apiKey' | 'limits'>;
  seconds: number;
  answered: number;
  perSecond: number;
  latencyMs: Percentiles | null;
  firstTokenMs: Percentiles | null;
  errors: { total: number; byCode: Record<string, number> };
  degraded: number;
  /** Still under way when the time was over: not errors, not measured, asked again afterwards. */
  cutAtTheEnd: number;
  /** With --rate: due and never sent. */
  neverSent: number;
  slices: Slice[];
  steps: Step[];
  server: { rssBytesMax: number | null; cpuPercentMean: number | null; readings: Reading[] };
  generatorCpuPercentMean: number;
  verification: Verification;
  limits: { name: string; wanted: string; found: string; holds: boolean }[];
  /** What a reader must know to read the figures right. */
  notes: string[];
  passed: boolean;
}

export interface RunFacts {
  startedAt: Date;
  agent: string;
  options: Options;
  /** How long load was put on. */
  seconds: number;
  recorder: Recorder;
  ledger: Ledger;
  verification: Verification;
  cutAtTheEnd: number;
}

const SLICES_MAX = 120;

export function resultOf(facts: RunFacts): Result {
  const { options, recorder, verification, seconds, ledger } = facts;
  const good = recorder.samples.filter((sample) => !sample.isError);
  const { apiKey: _, limits, ...shown } = options;
  const figures = {
    answered: good.length,
    perSecond: good.length / seconds,
    latencyMs: percentiles(good.map(({ ms }) => ms)),
    firstTokenMs: percentiles(good.flatMap(({ firstTokenMs }) => (firstTokenMs === null ? [] : [firstTokenMs]))),
    errors: errorsOf(recorder.samples),
    degraded: good.filter(({ outcome }) => outcome === 'degraded').length,
    neverSent: recorder.neverSent,
  };
  const judged = judge(limits, figures);
  const generatorCpuPercentMean = mean(recorder.readings.slice(1).map(({ ownCpuPercent }) => ownCpuPercent)) ?? 0;
  return {
    tool: 'holdfast load',
    startedAt: facts.startedAt.toISOString(),
    agent: facts.agent,
    options: shown,
    seconds,
    ...figures,
    cutAtTheEnd: facts.cutAtTheEnd,
    slices: slicesOf(recorder.samples, seconds),
    steps: options.scenario === 'ramp' ? stepsOf(recorder.samples) : [],
    server: serverOf(recorder.readings),
    generatorCpuPercentMean,
    verification,
    limits: judged,
    notes: notesOf({ options, generatorCpuPercentMean, isFull: ledger.isFull, neverSent: recorder.neverSent, verification }),
    passed: verification.holds && judged.every(({ holds }) => holds),
  };
}

function errorsOf(samples: readonly Sample[]): Result['errors'] {
  const byCode: Record<string, number> = {};
  for (const { isError, outcome } of samples) if (isError) byCode[outcome] = (byCode[outcome] ?? 0) + 1;
  return { total: Object.values(byCode).reduce((sum, count) => sum + count, 0), byCode };
}

function slicesOf(samples: readonly Sample[], seconds: number): Slice[] {
  const widthS = Math.max(1, Math.ceil(seconds / SLICES_MAX));
  const slices: Sample[][] = Array.from({ length: Math.max(1, Math.round(seconds / widthS)) }, () => []);
  for (const sample of samples) slices[Math.min(slices.length - 1, Math.floor(sample.atS / widthS))]?.push(sample);
  return slices.map((inside, index) => {
    const good = inside.filter(({ isError }) => !isError);
    const latency = percentiles(good.map(({ ms }) => ms));
    const first = percentiles(good.flatMap(({ firstTokenMs }) => (firstTokenMs === null ? [] : [firstTokenMs])));
    // A short rest at the end belongs to the slice before it.
    const lastedS = index === slices.length - 1 ? Math.max(0.001, seconds - index * widthS) : widthS;
    return {
      atS: index * widthS,
      perSecond: good.length / lastedS,
      p50: latency?.p50 ?? null,
      p95: latency?.p95 ?? null,
      p99: latency?.p99 ?? null,
      firstTokenP50: first?.p50 ?? null,
      firstTokenP95: first?.p95 ?? null,
      errors: inside.length - good.length,
      degraded: good.filter(({ outcome }) => outcome === 'degraded').length,
    };
  });
}

function stepsOf(samples: readonly Sample[]): Step[] {
  return [...Map.groupBy(samples, ({ connections }) => connections)].map(([connections, inside]) => {
    const good = inside.filter(({ isError }) => !isError);
    const latency = percentiles(good.map(({ ms }) => ms));
    const times = inside.map(({ atS, ms }) => [atS - ms / 1000, atS] as const);
    const lastedS = Math.max(0.001, Math.max(...times.map(([, end]) => end)) - Math.min(...times.map(([start]) => start)));
    const errors = inside.length - good.length;
    return { connections, perSecond: good.length / lastedS, p50: latency?.p50 ?? null, p99: latency?.p99 ?? null, errors };
  });
}

function serverOf(readings: readonly Reading[]): Result['server'] {
  const rss = readings.flatMap(({ rssBytes }) => (rssBytes === null ? [] : [rssBytes]));
  return {
    rssBytesMax: rss.length === 0 ? null : Math.max(...rss),
    cpuPercentMean: mean(readings.flatMap(({ cpuPercent }) => (cpuPercent === null ? [] : [cpuPercent]))),
    readings: [...readings],
  };
}

function judge(
  limits: Limits,
  figures: Pick<Result, 'latencyMs' | 'firstTokenMs' | 'errors' | 'degraded' | 'perSecond'>,
): Result['limits'] {
  const judged: Result['limits'] = [];
  const add = (name: string, limit: number | undefined, found: number | undefined, { unit = '', atLeast = false } = {}) => {
    if (limit === undefined) return;
    // What was not measured does not hold: a limit on nothing must not pass.
    const holds = found !== undefined && (atLeast ? found >= limit : found <= limit);
    const shown = found === undefined ? 'not measured' : `${Number(found.toFixed(1))}${unit}`;
    judged.push({ name, wanted: `${atLeast ? 'at least' : 'at most'} ${limit}${unit}`, found: shown, holds });
  };
  add('p99', limits.maxP99Ms, figures.latencyMs?.p99, { unit: ' ms' });
  add('first token, p99', limits.maxFirstTokenMs, figures.firstTokenMs?.p99, { unit: ' ms' });
  add('errors', limits.maxErrors, figures.errors.total);
  add('degraded', limits.maxDegraded, figures.degraded);
  add('turns a second', limits.minThroughput, figures.perSecond, { atLeast: true });
  return judged;
}

interface NoteFacts {
  options: Options;
  generatorCpuPercentMean: number;
  isFull: boolean;
  neverSent: number;
  verification: Verification;
}

function notesOf({ options, generatorCpuPercentMean, isFull, neverSent, verification }: NoteFacts): string[] {
  const notes: string[] = [];
  if (options.rate === undefined)
    notes.push(
      'Each connection waited for its answer before it sent the next message. When the agent stalls, fewer messages meet the stall, so the percentiles are kinder than what people at a fixed rate would see (coordinated omission). --rate measures from when a message was due.',
    );
  else notes.push('Latency is counted from when a message was due, so a stall is felt by every message that came due in it.');
  if (generatorCpuPercentMean > 80)
    notes.push(
      `The load generator itself used ${generatorCpuPercentMean.toFixed(0)} % of a core. It may be what limits the throughput and lengthens the latency.`,
    );
  if (options.url === undefined || /^https?:\/\/(localhost|127\.|\[::1\])/.test(options.url))
    notes.push('Agent and load generator ran on the same machine and shared its cores.');
  if (isFull) notes.push('The run ended early: it had sent as many messages as it keeps account of.');
  if (neverSent > 0)
    notes.push(`${neverSent} messages came due and were not sent: every connection was busy. The agent cannot keep up with this rate.`);
  const { serverAccepted, answered } = verification;
  if (serverAccepted !== null && serverAccepted > answered)
    notes.push(
      `The agent accepted ${serverAccepted - answered} messages more than this run was answered: others use it too, or it was restarted and recovered some.`,
    );
  if (serverAccepted === null) notes.push('This key may not read /v1/status: the agent’s own count and memory are not shown.');
  return notes;
}

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
