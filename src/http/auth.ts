import { hash, timingSafeEqual } from 'node:crypto';
import { AppError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { Principal } from '../store/store.ts';
import { header, headerCount, isLocalPeer, type RequestView } from './request-view.ts';

/** Until there are several tenants, everything is this one's. */
const TENANT = 'default';

/** RFC 6750 credentials; the length bounds what is hashed for a stranger. */
const BEARER = /^Bearer ([\x21-\x7e]{1,512})$/i;

export interface Auth {
  /** Who calls; undefined without valid credentials. The one place where that is decided. */
  identify(view: RequestView): Principal | undefined;
}

interface KnownKey {
  digest: Buffer;
  principal: Principal;
  localOnly: boolean;
}

/**
 * Keys are compared by SHA-256 in constant time, and always all of them. Exactly one carrier: a request that carries two, even equal ones, is
 * refused, because whoever sits in front of us may have judged the other one. Client keys join `known` by a look-up of the digest.
 */
export function createAuth(keys: { adminKey: Secret | undefined; localToken: Secret }): Auth {
  const known: KnownKey[] = [];
  const admit = (secret: Secret | undefined, id: string, localOnly: boolean) => {
    const text = secret?.reveal();
    if (text) known.push({ digest: hash('sha256', text, 'buffer'), principal: { id, role: 'admin', tenant: TENANT }, localOnly });
  };
  admit(keys.adminKey, 'key:admin', false);
  admit(keys.localToken, 'local', true);

  return {
    identify(view) {
      const token = BEARER.exec(header(view, 'authorization') ?? '')?.[1];
      if (token === undefined || headerCount(view, 'authorization') !== 1) return undefined;
      const digest = hash('sha256', token, 'buffer');
      let found: KnownKey | undefined;
      for (const key of known) if (timingSafeEqual(digest, key.digest)) found = key;
      return found && (!found.localOnly || isLocalPeer(view)) ? found.principal : undefined;
    },
  };
}

export const unauthenticated = new AppError('unauthenticated');
