import type { Clock } from '../base/clock.ts';
import type { TerminalStatus, TurnRecord } from '../contract/turn.ts';

/** Latencies kept for percentiles. */
const SAMPLES_MAX = 1_024;
const WINDOW_S = 60;

export interface TurnFigures {
  accepted(): void;
  ended(record: TurnRecord): void;
  read(): {
    accepted: number;
    byStatus: Record<TerminalStatus, number>;
    perMinute: number;
    latencyMs: { p50: number; p95: number; p99: number } | null;
  };
}

/** Counts and latencies of turns since the process started, in constant memory. */
export function createTurnFigures(clock: Clock): TurnFigures {
  let accepted = 0;
  const byStatus: Record<TerminalStatus, number> = { completed: 0, degraded: 0, failed: 0, cancelled: 0 };
  const samples = new Float64Array(SAMPLES_MAX);
  let sampled = 0;
  const seconds = new Uint32Array(WINDOW_S);
  let latest = Math.floor(clock.monotonic() / 1_000);

  /** Moves the window of one-second buckets to now, emptying those that fell out. */
  function slide(): number {
    const second = Math.floor(clock.monotonic() / 1_000);
    for (let passed = Math.min(second - latest, WINDOW_S); passed > 0; passed -= 1) seconds[(second - passed + 1) % WINDOW_S] = 0;
    latest = second;
    return second % WINDOW_S;
  }

  return {
    accepted() {
      accepted += 1;
      const bucket = slide();
      seconds[bucket] = (seconds[bucket] ?? 0) + 1;
    },
    ended(record) {
      byStatus[record.status] += 1;
      samples[sampled % SAMPLES_MAX] = record.totalMs;
      sampled += 1;
    },
    read() {
      slide();
      return {
        accepted,
        byStatus: { ...byStatus },
        perMinute: seconds.reduce((sum, count) => sum + count, 0),
        latencyMs: sampled === 0 ? null : percentiles(samples.slice(0, Math.min(sampled, SAMPLES_MAX))),
      };
    },
  };
}

function percentiles(samples: Float64Array): { p50: number; p95: number; p99: number } {
  samples.sort();
  const at = (share: number) => Math.round((samples[Math.min(samples.length - 1, Math.floor(samples.length * share))] ?? 0) * 10) / 10;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
