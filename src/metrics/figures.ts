import type { TerminalStatus, TurnRecord } from '../contract/turn.ts';
import type { Percentiles } from './buckets.ts';

/** What the agent tells of its turns, and what it can say of them. */
export interface TurnFigures {
  accepted(turn: { turnId: string; sessionId: string }): void;
  ended(record: TurnRecord): void;
  /** Counts since the process started; `latencyMs` is of the last quarter of an hour, `perMinute` of the last minute. */
  read(): {
    accepted: number;
    byStatus: Record<TerminalStatus, number>;
    perMinute: number;
    latencyMs: Percentiles | null;
  };
}
