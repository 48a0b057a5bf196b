import type { Clock } from '../base/clock.ts';
import type { Principal } from '../store/store.ts';
import type { Credential } from './credential.ts';

/** Links that wait to be used; beyond it the oldest one goes. */
const LINKS_MAX = 32;
const LINK_MS = 15 * 60 * 1000;

/** As whom a link signs in. */
export interface Guest {
  principal: Principal;
  /** The key it hangs on, if any. */
  parent: Credential | undefined;
}

export interface Links {
  /** Returns when it ends, wall clock. */
  add(digest: string, guest: Guest): number;
  /** Once, and in time. */
  take(digest: string): Guest | undefined;
}

/** One-time links. In memory only: a restart ends them all. */
export function createLinks(clock: Clock): Links {
  const links = new Map<string, Guest & { until: number }>();
  return {
    add(digest, guest) {
      const [oldest] = links.keys();
      if (links.size >= LINKS_MAX && oldest !== undefined) links.delete(oldest);
      links.set(digest, { ...guest, until: clock.monotonic() + LINK_MS });
      return clock.now() + LINK_MS;
    },
    take(digest) {
      const found = links.get(digest);
      links.delete(digest);
      return found && clock.monotonic() < found.until ? found : undefined;
    },
  };
}
