import type { KeyringRow } from '../crypto/types.ts';
import { bytesOf, numberOf, textOf } from './columns.ts';
import type { Database, Statement } from './database.ts';

const ALL = 'SELECT tenant, purpose, version, wrapped, created_at FROM keyring ORDER BY tenant, purpose, version';
const INSERT = 'INSERT INTO keyring (tenant, purpose, version, wrapped, created_at) VALUES (?, ?, ?, ?, ?)';

export async function readKeyring(db: Pick<Database, 'read'>): Promise<KeyringRow[]> {
  const rows = await db.read(ALL);
  return rows.map((row) => ({
    tenant: textOf(row, 'tenant'),
    // What the crypto floor does not know it does not find: a foreign purpose is a missing key, not a crash.
    purpose: textOf(row, 'purpose') as KeyringRow['purpose'],
    version: numberOf(row, 'version'),
    wrapped: bytesOf(row, 'wrapped'),
    createdAt: numberOf(row, 'created_at'),
  }));
}

export const insertKeyringRow = ({ tenant, purpose, version, wrapped, createdAt }: KeyringRow): Statement => ({
  sql: INSERT,
  values: [tenant, purpose, version, wrapped, createdAt],
  changes: 1,
  guard: 'keyring',
});
