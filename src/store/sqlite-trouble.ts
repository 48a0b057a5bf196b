import { ChainDamaged } from './audit-chain.ts';

/** What a failed statement or commit means for the writer. */
export type Trouble =
  /** A constraint said no: only the unit is lost. */
  | 'refused'
  /** The statement itself is wrong (a defect of ours): only the unit is lost. */
  | 'faulty'
  /** Somebody else holds the file longer than we wait. */
  | 'busy'
  /** No space left. */
  | 'full'
  /** The disk or the file: nothing more is written before the file has been verified. */
  | 'io'
  /** The last audit row cannot be built upon; health says it in these words. */
  | 'audit chain damaged';

/** Why the writer takes nothing; `dead` is a writer thread that ended. */
export type Ailment = 'full' | 'io' | 'audit chain damaged' | 'dead';

// Primary result codes, https://www.sqlite.org/rescode.html
const CONSTRAINT = 19;
const BUSY = new Set([5, 6, 15]);
const FULL = 13;
/** ERROR, TOOBIG, MISMATCH, MISUSE, RANGE: the database is fine. */
const FAULTY = new Set([1, 18, 20, 21, 25]);

/** The result code of an error of node:sqlite, 0 for anything else. */
export function resultCode(error: unknown): number {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' ? code : 0;
}

/** Errors without a result code come from binding a value SQLite does not know: a defect of ours. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof ChainDamaged) return 'audit chain damaged';
  const code = resultCode(error) & 0xff;
  if (code === CONSTRAINT) return 'refused';
  if (BUSY.has(code)) return 'busy';
  if (code === FULL) return 'full';
  return code === 0 || FAULTY.has(code) ? 'faulty' : 'io';
}

export const concernsUnitOnly = (trouble: Trouble): trouble is 'refused' | 'faulty' => trouble === 'refused' || trouble === 'faulty';

/** Troubles that stay until somebody mends what is behind them: nothing more is taken meanwhile. */
export const lasts = (trouble: Trouble): trouble is 'full' | 'io' | 'audit chain damaged' =>
  trouble === 'full' || trouble === 'io' || trouble === 'audit chain damaged';
