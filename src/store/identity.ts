// What says whose data this is, and the keys that open it.
import type { KeyObject } from 'node:crypto';
import { ConfigError } from '../base/errors.ts';
import { type Keyring, openKeyring } from '../crypto/keyring.ts';
import { textOf } from './columns.ts';
import type { Database } from './database.ts';
import { readKeyring } from './keyring-rows.ts';

const META = 'SELECT key, value FROM meta';
const ANY_DATA = 'SELECT id FROM sessions LIMIT 1';
export const INSTALL_KEY = 'install';
export const AGENT_KEY = 'agent';

export interface IdentityParts {
  database: Pick<Database, 'read'>;
  masterKey: KeyObject;
  random?: (bytes: number) => Buffer;
}

export interface Identity {
  keyring: Keyring;
  agentId: string;
  install: string;
}

/** Undefined for a database without any data. Throws ConfigError for a key that is not this data's and for a keyring that is damaged. */
export async function findIdentity({ database: db, masterKey, random }: IdentityParts, tenant: string): Promise<Identity | undefined> {
  const [rows, meta, data] = await Promise.all([readKeyring(db), db.read(META), db.read(ANY_DATA)]);
  const facts = new Map(meta.map((row) => [textOf(row, 'key'), textOf(row, 'value')]));
  const install = facts.get(INSTALL_KEY);
  const agentId = facts.get(AGENT_KEY);
  if (rows.length === 0 && install === undefined && data.length === 0) return undefined;
  if (install === undefined || agentId === undefined)
    throw new ConfigError('The data has lost its identity (table meta).', 'put the data folder of a backup back');
  const owner = { kek: masterKey, tenant, install, ...(random ? { random } : {}) };
  return { keyring: openKeyring({ ...owner, rows }), agentId, install };
}
