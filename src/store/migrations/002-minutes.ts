import type { Migration } from './migration.ts';

/**
 * Figures by the minute, appended and never changed: a process that starts twice in a minute, or a clock that was put back, gives two rows of
 * one time, and readers add them up. Counts are no secret and are kept in clear. A row is about a kilobyte, too much for a table that is its own index.
 */
export const minutes: Migration = {
  version: 2,
  statements: ({ integer, plain }) => [
    `CREATE TABLE minutes (
      seq ${integer} NOT NULL PRIMARY KEY, run TEXT NOT NULL, at ${integer} NOT NULL, figures TEXT NOT NULL
    ) ${plain}`,
    'CREATE INDEX minutes_by_time ON minutes (at)',
  ],
};
