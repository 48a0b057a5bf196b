import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

export interface LoopReading {
  /** How late a timer was at the worst. */
  lateMs: number;
  /** Share of the time the loop was busy, 0 to 1. */
  busy: number;
}

/** The monitor's own period: its figures contain it. */
const RESOLUTION_MS = 10;

/** Watches the event loop from now until `stop`. */
export function createLoopMeter(): { stop(): LoopReading } {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  const before = performance.eventLoopUtilization();
  delay.enable();
  return {
    stop() {
      delay.disable();
      const lateMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
      return { lateMs: Number.isFinite(lateMs) ? lateMs : 0, busy: performance.eventLoopUtilization(before).utilization };
    },
  };
}
