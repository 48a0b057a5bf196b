import { LRUCache } from 'lru-cache';
import type { Principal, Store } from '../store/store.ts';

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
    async allows(sessionId, { id, role, tenant }) {
      let owner = owners.get(sessionId);
      if (!owner) {
        const session = await store.sessions.get(sessionId);
        if (!session) return false;
        owner = { principal: session.principal, tenant: session.tenant };
        owners.set(sessionId, owner);
      }
      return owner.tenant === tenant && (role === 'admin' || owner.principal === id);
    },
    forget: (sessionId) => void owners.delete(sessionId),
  };
}
