// Where the master key comes from when the environment does not carry it: a 0600 file in the home, development only.
import type { KeyObject } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { generateMasterKey, parseMasterKey } from './master-key.ts';

export interface KeySource {
  /** `HOLDFAST_MASTER_KEY`; wins over the file. */
  explicit?: Secret;
  file: string;
  /** With data present a key is never generated: it could not be the right one. */
  dataExists: boolean;
}

/** `made` is true on the very first start, when the caller must say where the key lies and that it belongs into a backup of its own. */
export function readMasterKey({ explicit, file, dataExists }: KeySource): { key: KeyObject; made: boolean } {
  if (explicit) return { key: parseMasterKey(explicit.reveal()), made: false };
  if (existsSync(file)) {
    chmodSync(file, 0o600);
    return { key: parseMasterKey(readFileSync(file, 'utf8')), made: false };
  }
  if (dataExists) {
    throw new ConfigError(
      'There is data but no master key, and without its key it cannot be opened.',
      `put the key of your backup into ${file} (or into HOLDFAST_MASTER_KEY); to begin anew instead, move the data folder away`,
    );
  }
  const text = generateMasterKey();
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${text}\n`, { mode: 0o600, flag: 'wx' });
  return { key: parseMasterKey(text), made: true };
}

/** The key of a file as it lies there, for a look that changes nothing. Throws as `parseMasterKey` and `fs.readFileSync` do. */
export const lookAtKeyFile = (file: string): KeyObject => parseMasterKey(readFileSync(file, 'utf8'));
