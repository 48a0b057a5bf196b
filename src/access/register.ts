import type { Clock, Timer } from '../base/clock.ts';
import type { Credential } from './credential.ts';

/**
 * Every credential there is, in memory: who calls is decided without a look-up, an unknown key costs no more than a known one, and an end takes
 * effect with the next line of code. Bounded by the bounds of its tables.
 */
export interface Register {
  add(credential: Credential): void;
  /** The one with that digest, if it lets anybody in now. */
  find(digest: string): Credential | undefined;
  byId(id: string): Credential | undefined;
  holds(credential: Credential): boolean;
  /** Ends it and every sign-in that acts as it. */
  end(id: string): void;
  /** Calls `end` once, when the credential has ended or expired; at once when that is so already. The returned function forgets it. */
  watch(credential: Credential, end: () => void): () => void;
}

/** `clock` must not jump: expiries are judged by it. */
export function createRegister(clock: Clock): Register {
  const byDigest = new Map<string, Credential>();
  const byId = new Map<string, Credential>();
  const watchers = new Map<Credential, Set<() => void>>();

  function holds({ ended, expiresAt, login, lastUsedAt, parent }: Credential): boolean {
    if (ended) return false;
    const now = clock.now();
    if (expiresAt !== null && now >= expiresAt) return false;
    if (login && now >= (lastUsedAt ?? login.createdAt) + login.idleMs) return false;
    return parent === undefined || holds(parent);
  }

  function drop(credential: Credential): void {
    credential.ended = true;
    byDigest.delete(credential.digest);
    byId.delete(credential.id);
    for (const end of [...(watchers.get(credential) ?? [])]) end();
  }

  return {
    holds,
    add(credential) {
      byDigest.set(credential.digest, credential);
      byId.set(credential.id, credential);
    },
    find(digest) {
      // An attacker cannot choose digests, so how long a look-up by one takes tells nothing.
      const credential = byDigest.get(digest);
      return credential && holds(credential) ? credential : undefined;
    },
    byId: (id) => byId.get(id),
    end(id) {
      const credential = byId.get(id);
      if (!credential) return;
      const its = [...byId.values()].filter(({ parent }) => parent === credential);
      for (const each of [credential, ...its]) drop(each);
    },
    watch(credential, end) {
      if (!holds(credential)) {
        end();
        return () => undefined;
      }
      let timer: Timer | undefined;
      const ends = watchers.get(credential) ?? new Set();
      const forget = () => {
        timer?.cancel();
        ends.delete(once);
        if (ends.size === 0 && watchers.get(credential) === ends) watchers.delete(credential);
      };
      const once = () => {
        forget();
        end();
      };
      // A timer may be shorter than asked for; what has not expired then waits on.
      const arm = (expiresAt: number) => {
        const leftMs = expiresAt - clock.now();
        if (leftMs <= 0) once();
        else timer = clock.after(leftMs, () => arm(expiresAt));
      };
      ends.add(once);
      watchers.set(credential, ends);
      if (credential.expiresAt !== null) arm(credential.expiresAt);
      return forget;
    },
  };
}
