// What `config show` says is in force where it is more than a text somebody gave.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SettingSource } from './setting-layers.ts';

interface InForce {
  /** Absolute. */
  home: string;
  models: { names: string[]; note?: string };
}

/** A source somebody gave stays theirs; only what was left open is filled in. */
export function shownSources(sources: readonly SettingSource[], { home, models }: InForce): SettingSource[] {
  return sources.map((source) => {
    if (source.name === 'HOLDFAST_HOME') return { ...source, value: home };
    if (source.source !== 'unset') return source;
    const filled = (value: string, note?: string): SettingSource => ({
      ...source,
      value,
      source: 'default',
      ...(note === undefined ? {} : { note }),
    });
    if (source.name === 'HOLDFAST_MODELS') return filled(models.names.join(','), models.note);
    if (source.name === 'HOLDFAST_MASTER_KEY' && existsSync(join(home, 'keys', 'master.key')))
      return filled('[secret]', 'the file keys/master.key');
    return source;
  });
}
