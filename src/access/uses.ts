import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Use } from '../store/credentials.ts';
import type { Credential } from './credential.ts';

/** How far behind the stored time of the last use may be. */
const WRITE_EVERY_MS = 60_000;

export interface Uses {
  /** Never throws, never waits, writes nothing by itself. */
  note(credential: Credential): void;
  /** Writes what was noted; what cannot be written is tried with the next. Never rejects. */
  flush(): Promise<void>;
}

/** When a credential was last used: one row a minute for each that was, however many requests there were. Bounded by the number of credentials. */
export function createUses(parts: {
  clock: Clock;
  log: Logger;
  keys: { used(uses: readonly Use[]): Promise<void> };
  logins: { used(uses: readonly Use[]): Promise<void> };
}): Uses {
  const { clock, log } = parts;
  const noted = new Set<Credential>();
  let timer: Timer | undefined;

  async function write(): Promise<void> {
    timer?.cancel();
    timer = undefined;
    const used = [...noted].filter(({ ended }) => !ended);
    noted.clear();
    const of = (kind: Credential['kind']): Use[] =>
      used.flatMap(({ kind: is, id, lastUsedAt }) => (is === kind && lastUsedAt !== null ? [{ id, at: lastUsedAt }] : []));
    try {
      await Promise.all([parts.keys.used(of('key')), parts.logins.used(of('login'))]);
    } catch (error) {
      log.warn('uses.failed', { count: used.length, error });
      for (const each of used) remember(each);
    }
  }
  function remember(credential: Credential): void {
    noted.add(credential);
    timer ??= clock.after(WRITE_EVERY_MS, () => void write());
  }

  return {
    note(credential) {
      credential.lastUsedAt = clock.now();
      if (credential.kind === 'key' || credential.kind === 'login') remember(credential);
    },
    async flush() {
      await write();
      timer?.cancel();
    },
  };
}
