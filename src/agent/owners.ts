import { LRUCache } from 'lru-cache';
import { ownerFor, type Principal, type Store } from '../store/store.ts';

/** Sessions whose owner is remembered: an owner never changes. */
const OWNERS_MAX = 10_000;

export interface Owners {
  /** True when the session exists and the principal may use it; "absent" and "not yours" look the same. */
  allows(sessionId: string, principal: Principal): Promise<boolean>;
  forget(sessionId: string): void;
}

export function createOwners(store: Store): Owners {
  const owners = new LRUCache<string, { principal: string; tenant: string }>({ max: OWNERS_MAX });
  return {
    async allows(sessionId, principal) {
      const mine = ({ principal: owner, tenant }: { principal: string; tenant: string }) =>
        tenant === principal.tenant && (principal.role === 'admin' || owner === principal.id);
      const known = owners.get(sessionId);
      if (known && mine(known)) return true;
      // Also for a session that is known to be another's: a refusal takes as long as not finding any.
      const session = await store.sessions.get(sessionId, ownerFor(principal));
      if (!session || !mine(session)) return false;
      owners.set(sessionId, { principal: session.principal, tenant: session.tenant });
      return true;
    },
    forget: (sessionId) => void owners.delete(sessionId),
  };
}
