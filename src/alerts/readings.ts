import type { ModelState } from '../contract/status.ts';

/** What the rules look at: handed in by whoever wires the parts, for alerts know none of them. */
export interface Readings {
  /** `wasGood`: how the last call to it went; undefined before the first. */
  models: readonly (ModelState & { wasGood: boolean | undefined })[];
  storage: { writable: boolean; reason?: string };
  /** Undefined when it cannot be told. */
  diskFreeBytes: number | undefined;
  audit: AuditReading;
  /** Turns that ended in the last window. */
  turns: { ended: number; bad: number; isWholeWindow: boolean };
  openTurns: { oldestMs: number | null /** Open in the data, and nobody works on them. */; orphaned: number };
}

/** What the last look at the whole chain found; `unknown` before the first. */
export type AuditReading = { state: 'unknown' | 'whole' } | { state: 'broken'; cause: string };
