// The log as it is written, for a reader of server-sent events. The files are the queue: a slow reader costs nothing but its place in them.
import type { Clock } from '../base/clock.ts';
import type { LogLine, LogPlace } from '../base/log-file-names.ts';
import { parseLogLine } from '../base/log-filter.ts';
import { followLog } from '../base/log-follow.ts';
import { formatLogPosition } from '../contract/logs.ts';
import type { StreamSource } from './event-stream.ts';

/** Undefined: lines are missing here. */
export type LogItem = LogLine | undefined;

export interface LogSourceParts {
  path: string;
  clock: Clock;
  isWanted(line: string): boolean;
  /** Sent before anything else. */
  first: readonly LogLine[];
  /** Where to go on after them. */
  from: LogPlace | undefined;
}

export function logSource({ path, clock, isWanted, first, from }: LogSourceParts): StreamSource<LogItem> {
  const abort = new AbortController();
  const pieces = followLog(path, from, { clock, signal: abort.signal });
  let held: LogItem[] = [...first];
  return {
    async next() {
      while (held.length === 0) {
        const { value, done } = await pieces.next();
        if (done || !value) return [];
        held = [...(value.gap ? [undefined] : []), ...value.lines.filter(({ text }) => isWanted(text) && isLine(text))];
      }
      return held.splice(0);
    },
    close() {
      abort.abort();
      // What fails while a file is let go of hurts nobody any more.
      pieces.return(undefined).catch(() => undefined);
    },
    isLast: () => false,
    take(items, unitsMax) {
      let piece = '';
      while (items.length > 0 && piece.length < unitsMax) {
        const line = items.shift();
        piece += line ? `event: log.line\nid: ${formatLogPosition(line.end)}\ndata: ${line.text}\n\n` : 'event: log.gap\ndata: {}\n\n';
      }
      return piece;
    },
  };
}

/** Ours, and not torn by a crash or written by somebody else. */
export function isLine(text: string): boolean {
  const entry = parseLogLine(text);
  return typeof entry?.time === 'string' && typeof entry.level === 'string' && typeof entry.event === 'string';
}
