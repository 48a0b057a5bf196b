/** What differs between the engines in a table's definition, and nothing else. */
export interface Dialect {
  name: 'sqlite' | 'postgres';
  integer: string;
  real: string;
  blob: string;
  /** After the closing bracket of a table that is found by its primary key only. */
  keyed: string;
  /** After the closing bracket of any other table. */
  plain: string;
}

export interface Migration {
  /** From 1, without gaps. */
  version: number;
  statements(dialect: Dialect): string[];
}

export const sqliteDialect: Dialect = {
  name: 'sqlite',
  integer: 'INTEGER',
  real: 'REAL',
  blob: 'BLOB',
  keyed: 'STRICT, WITHOUT ROWID',
  plain: 'STRICT',
};
