// Whether the next start would find the master key that this agent works with. It is read anew: what lies in memory outlives its file.
import type { KeyObject } from 'node:crypto';
import { dirname } from 'node:path';
import { ConfigError } from '../base/errors.ts';
import type { HomePaths } from '../base/home.ts';
import { quoted } from '../base/home-owner.ts';
import type { Secret } from '../base/secret.ts';
import { type Finding, well } from '../contract/finding.ts';
import { keyCandidates } from './data-doctor.ts';

export interface KeyInForce {
  paths: HomePaths;
  /** What opened the data when this agent started. */
  key: KeyObject;
  /** `HOLDFAST_MASTER_KEY` as the next start would read it. Throws ConfigError. */
  nextMasterKey(): Secret | undefined;
}

export function keyInForceFinding({ paths, key, nextMasterKey }: KeyInForce): Finding {
  const folder = quoted(dirname(paths.masterKey));
  const wrong = (cause: string): Finding => ({
    id: 'master_key',
    severity: 'error',
    cause: `${cause} This running agent still has the right key in memory; once it stops, nothing stored can be read.`,
    fix: `ls -la ${folder}   # do not stop the agent: first put the key back from the backup of your key (master.key here, or HOLDFAST_MASTER_KEY), then: holdfast doctor`,
  });
  try {
    const [next] = keyCandidates(paths, nextMasterKey());
    if (!next) return wrong(`The key file is gone: ${paths.masterKey}.`);
    if (next.key instanceof ConfigError) return wrong(`The next start cannot read the master key (${next.source}): ${next.key.message}`);
    if (!next.key.equals(key)) return wrong(`${next.source} is not the key this agent works with.`);
    return well('master_key', `The master key opened the data, and the next start finds it (${next.source}).`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return wrong(`The next start cannot read the master key: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}`);
  }
}
