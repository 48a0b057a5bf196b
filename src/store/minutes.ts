// The stored series: figures by the minute, so that charts survive a restart.
import type { Logger } from '../base/log.ts';
import { textOf, timeOf, wholeOf } from './columns.ts';
import { readRows } from './damaged-rows.ts';
import type { Database, Row } from './database.ts';

/** Rows kept: a week of minutes. By their number and not by their time, because a clock that is wrong for a while must not empty the table. */
export const MINUTES_MAX = 7 * 24 * 60;
/** Rows read at a time, so that a long window does not hold the process up. */
const PAGE_ROWS = 240;

// Appended at the end: seq is the order of writing, whatever the clock says.
const APPEND = 'INSERT INTO minutes (seq, run, at, figures) SELECT COALESCE(MAX(seq), 0) + 1, ?, ?, ? FROM minutes';
const FORGET = 'DELETE FROM minutes WHERE seq <= (SELECT MAX(seq) FROM minutes) - ?';
const PAGE = 'SELECT seq, run, at, figures FROM minutes WHERE at >= ? AND at < ? AND (at, seq) > (?, ?) ORDER BY at, seq LIMIT ?';

export interface StoredMinute {
  /** The process that wrote it. */
  run: string;
  /** Start of the minute, or of what was measured of it; wall clock, milliseconds. */
  at: number;
  /** JSON, as its writer made it. */
  figures: string;
}

export interface Minutes {
  /** Also forgets what is beyond `MINUTES_MAX`. Rejects with AppError `storage_unavailable`. */
  append(minute: StoredMinute): Promise<void>;
  /** Minutes that start at or after `from` and before `until`, page by page, by time. A damaged row is left out. */
  pages(from: number, until: number): AsyncIterable<StoredMinute[]>;
}

export function createMinutes(db: Database, log: Logger, minutesMax = MINUTES_MAX): Minutes {
  return {
    append: ({ run, at, figures }) =>
      db.write({
        statements: [
          { sql: APPEND, values: [run, at, figures], changes: 1 },
          { sql: FORGET, values: [minutesMax] },
        ],
      }),
    async *pages(from, until) {
      let [at, seq] = [from, -1];
      for (;;) {
        const rows = await db.read(PAGE, [from, until, at, seq, PAGE_ROWS]);
        yield readRows(log, 'minutes', rows, minuteOf);
        const last = rows.at(-1);
        if (!last || rows.length < PAGE_ROWS) return;
        // The row of a damaged place would end the reading, never repeat it: what is selected is beyond (at, seq).
        [at, seq] = [wholeOf(last, 'at'), wholeOf(last, 'seq')];
      }
    },
  };
}

const minuteOf = (row: Row): StoredMinute => ({ run: textOf(row, 'run'), at: timeOf(row, 'at'), figures: textOf(row, 'figures') });
