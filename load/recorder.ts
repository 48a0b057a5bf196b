// What was measured, as it happens: one sample for each message that got an answer or an error.
import type { Kind, Sent } from './ledger.ts';

export interface Sample {
  /** Seconds since the run began, when the answer was complete. */
  atS: number;
  /** From when it was sent, or was due to be sent, to the whole answer. */
  ms: number;
  firstTokenMs: number | null;
  kind: Kind;
  /** `completed`, `degraded` …, or the code of an error. */
  outcome: string;
  isError: boolean;
  /** How many connections were at work, for the ramp. */
  connections: number;
}

/** Of the server, once a second. */
export interface Reading {
  atS: number;
  rssBytes: number | null;
  /** Of one core; 150 is a core and a half. */
  cpuPercent: number | null;
  open: number | null;
  /** The load generator itself. */
  ownCpuPercent: number;
}

export interface Recorder {
  readonly samples: readonly Sample[];
  readonly readings: readonly Reading[];
  connections: number;
  /** With a rate: messages that came due and found no free connection before the end. */
  neverSent: number;
  elapsedS(): number;
  done(entry: Sent, ms: number, firstTokenMs: number | null): void;
  read(reading: Omit<Reading, 'atS'>): void;
}

export function createRecorder(): Recorder {
  const began = performance.now();
  const samples: Sample[] = [];
  const readings: Reading[] = [];
  const elapsedS = () => (performance.now() - began) / 1000;
  const recorder: Recorder = {
    samples,
    readings,
    connections: 0,
    neverSent: 0,
    elapsedS,
    done({ answer, trouble, kind }, ms, firstTokenMs) {
      if (trouble === 'cut') return;
      const outcome = answer?.status ?? trouble ?? 'unknown';
      const isError = answer === undefined || answer.status === 'failed' || answer.status === 'cancelled';
      samples.push({ atS: elapsedS(), ms, firstTokenMs, kind, outcome, isError, connections: recorder.connections });
    },
    read(reading) {
      readings.push({ atS: Math.round(elapsedS() * 10) / 10, ...reading });
    },
  };
  return recorder;
}

export interface Percentiles {
  count: number;
  min: number;
  mean: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

/** Nearest rank: every figure is one that was measured. Null without values. */
export function percentiles(values: readonly number[]): Percentiles | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const at = (part: number) => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return { count: sorted.length, min: at(0), mean, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
