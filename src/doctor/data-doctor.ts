// Looks at the data of a home from outside, whether or not an agent runs on it, and changes nothing.
import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import type { HomePaths } from '../base/home.ts';
import type { Secret } from '../base/secret.ts';
import type { Finding } from '../contract/finding.ts';
import { lookAtKeyFile } from '../crypto/key-file.ts';
import { parseMasterKey } from '../crypto/master-key.ts';
import { type CandidateKey, examineFile } from '../store/examine-file.ts';
import { isHomeLocked } from '../store/home-lock.ts';
import { DEFAULT_TENANT } from '../store/open-store.ts';

export interface DataExamination {
  findings: Finding[];
  /** A server holds the home, on this machine or in a container that shares it. */
  isServed: boolean;
}

export async function examineData({
  paths,
  masterKey,
  clock,
}: {
  paths: HomePaths;
  masterKey: Secret | undefined;
  clock: Clock;
}): Promise<DataExamination> {
  const isServed = isHomeLocked(paths.lock);
  const keys = keyCandidates(paths, masterKey);
  return { findings: await examineFile({ path: paths.database, isServed, tenant: DEFAULT_TENANT, keys, clock }), isServed };
}

/** In the order in which a start takes them. */
export const keyCandidates = (paths: HomePaths, masterKey: Secret | undefined): CandidateKey[] => [
  ...(masterKey ? [candidate('HOLDFAST_MASTER_KEY', () => parseMasterKey(masterKey.reveal()))] : []),
  ...(existsSync(paths.masterKey) ? [candidate(paths.masterKey, () => lookAtKeyFile(paths.masterKey))] : []),
];

function candidate(source: string, read: () => KeyObject): CandidateKey {
  try {
    return { source, key: read() };
  } catch (error) {
    if (error instanceof ConfigError) return { source, key: error };
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    return { source, key: new ConfigError(`The file cannot be read (${code}).`, 'holdfast doctor', { cause: error }) };
  }
}
