import type { Access } from '../access/access.ts';
import type { Credential } from '../access/credential.ts';
import { AppError } from '../base/errors.ts';
import type { Principal } from '../store/store.ts';
import type { LoginCookie } from './cookies.ts';
import { header, headerCount, isLocalPeer, type RequestView } from './request-view.ts';

/** RFC 6750 credentials; the length bounds what is hashed for a stranger. */
const BEARER = /^Bearer ([\x21-\x7e]{1,512})$/i;

export interface Caller {
  principal: Principal;
  credential: Credential;
  /** A cookie comes along by itself, so what it authorizes must also come from a page of ours (`HostCheck.ambient`). */
  carrier: 'bearer' | 'cookie';
}

export interface Auth {
  /** Who calls; undefined without valid credentials. The one place where that is decided. */
  identify(view: RequestView): Caller | undefined;
}

/**
 * Every carrier that is there must be good, and two must name the same principal: whoever sits in front of us may have judged only one of them.
 * A header that comes twice is refused, even with equal values.
 */
export function createAuth({ access, cookie }: { access: Access; cookie: LoginCookie }): Auth {
  function byHeader(view: RequestView): Credential | undefined {
    const token = BEARER.exec(header(view, 'authorization') ?? '')?.[1];
    if (token === undefined || headerCount(view, 'authorization') !== 1) return undefined;
    const found = access.byKey(token);
    return found && (found.kind !== 'local_token' || isLocalPeer(view)) ? found : undefined;
  }

  return {
    identify(view) {
      const hasHeader = headerCount(view, 'authorization') > 0;
      const value = cookie.read(view);
      const key = hasHeader ? byHeader(view) : undefined;
      const login = value === undefined ? undefined : access.byCookie(value);
      if ((hasHeader && !key) || (value !== undefined && !login)) return undefined;
      if (key && login && !isSame(key.principal, login.principal)) return undefined;
      const credential = key ?? login;
      if (!credential) return undefined;
      access.used(credential);
      return { principal: credential.principal, credential, carrier: key ? 'bearer' : 'cookie' };
    },
  };
}

const isSame = (a: Principal, b: Principal): boolean => a.id === b.id && a.role === b.role && a.tenant === b.tenant;

export const unauthenticated = new AppError('unauthenticated');
