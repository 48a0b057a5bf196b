import type { Migration } from './migration.ts';

/**
 * API keys and sign-ins. What decides who may do what (role, digest, expiry) is in the sealed facts only: whoever can write to the file but lacks
 * the master key can make no key and raise no role. The clear columns serve lists, limits and sweeping.
 */
export const keys: Migration = {
  version: 3,
  statements: ({ integer, blob, keyed }) => [
    // revision counts changes of the facts and is bound into them.
    `CREATE TABLE api_keys (
      id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, revision ${integer} NOT NULL,
      last_used_at ${integer}, revoked_at ${integer}, facts_sealed ${blob} NOT NULL
    ) ${keyed}`,
    `CREATE TABLE logins (
      id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, principal TEXT NOT NULL,
      expires_at ${integer} NOT NULL, idle_ms ${integer} NOT NULL, last_used_at ${integer} NOT NULL, facts_sealed ${blob} NOT NULL
    ) ${keyed}`,
    'CREATE INDEX logins_by_principal ON logins (principal, id)',
  ],
};
