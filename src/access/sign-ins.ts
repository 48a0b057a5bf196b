// One-time links, and the sign-ins that come of them or of a key.
import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import type { By, Page, StoredLogin } from '../store/credentials.ts';
import type { Store } from '../store/store.ts';
import { type Credential, digestOf, secretText, TENANT } from './credential.ts';
import { createLinks, type Guest } from './links.ts';
import type { Register } from './register.ts';

/** A sign-in ends after this long in any case, and after this long without a request. */
const LOGIN_MS = 7 * 24 * 60 * 60 * 1000;
const LOGIN_IDLE_MS = 12 * 60 * 60 * 1000;

/** From where somebody signs in. */
export interface From {
  requestId: string;
  source: string;
}

/** A new sign-in and the text of its cookie, which is nowhere else. */
export interface SignedIn {
  credential: Credential;
  text: string;
}

export interface SignIns {
  /** A text that signs in once, as its maker. */
  makeLink(maker: Credential, requestId: string): Promise<{ text: string; expiresAt: number }>;
  signInByLink(text: string, from: From): Promise<SignedIn | undefined>;
  /** The key of the local command line signs nobody in: it is good on this machine only, which a cookie could not be held to. */
  signInByKey(key: Credential | undefined, from: From): Promise<SignedIn | undefined>;
  /** A page may be short: what is over is left out. */
  listLogins(query: { principal?: string; cursor?: string; limit: number }): Promise<Page<StoredLogin>>;
  /** The sign-in, if it is one and not over. */
  login(id: string): Credential | undefined;
  endLogin(id: string, action: 'logout' | 'login.revoke', by: By): Promise<boolean>;
}

export interface SignInsParts {
  store: Pick<Store, 'logins' | 'audit' | 'agentId'>;
  /** Must not jump. */
  clock: Clock;
  ids: Ids;
  register: Register;
  random: (bytes: number) => Buffer;
}

export function createSignIns({ store, clock, ids, register, random }: SignInsParts): SignIns {
  const links = createLinks(clock);

  async function signIn({ principal, parent }: Guest, how: 'link' | 'key', from: From): Promise<SignedIn | undefined> {
    if (parent && !register.holds(parent)) return undefined;
    const text = secretText(random);
    const expiresAt = Math.min(clock.now() + LOGIN_MS, parent?.expiresAt ?? Number.POSITIVE_INFINITY);
    const keyDigest = parent?.digest ?? null;
    const { id: who, role } = principal;
    const given = { id: ids.make('lgn'), principal: who, role, how, digest: digestOf(text), keyDigest, expiresAt, idleMs: LOGIN_IDLE_MS };
    const { login, ended } = await store.logins.create(given, from);
    for (const id of ended) register.end(id);
    const credential = ofLogin(login, parent);
    // The key may have been revoked while the sign-in was being written.
    if (!register.holds(credential)) return undefined;
    register.add(credential);
    return { credential, text };
  }

  return {
    async makeLink(maker, requestId) {
      const { principal } = maker;
      await store.audit({ principal: principal.id, action: 'login.link', target: store.agentId, requestId, outcome: 'ok' });
      const text = secretText(random);
      return { text, expiresAt: links.add(digestOf(text), guestOf(maker)) };
    },
    async signInByLink(text, from) {
      const guest = links.take(digestOf(text));
      return guest && signIn(guest, 'link', from);
    },
    async signInByKey(key, from) {
      if (!key || key.kind === 'local_token') return undefined;
      return signIn({ principal: key.principal, parent: key }, 'key', from);
    },
    async listLogins(query) {
      const { items, nextCursor } = await store.logins.list(query);
      const live = items.flatMap((login) => {
        const held = register.byId(login.id);
        return held && register.holds(held) ? [{ ...login, lastUsedAt: held.lastUsedAt ?? login.lastUsedAt }] : [];
      });
      return { items: live, nextCursor };
    },
    login(id) {
      const found = register.byId(id);
      return found?.kind === 'login' && register.holds(found) ? found : undefined;
    },
    async endLogin(id, action, by) {
      const was = await store.logins.end(id, action, by);
      register.end(id);
      return was;
    },
  };
}

/** Who holds the local command line's key owns the home. It is new at each start, so what it lets in hangs on nothing. */
function guestOf(maker: Credential): Guest {
  if (maker.kind === 'local_token') return { principal: { id: 'operator', role: 'admin', tenant: TENANT }, parent: undefined };
  return { principal: maker.principal, parent: maker.kind === 'login' ? maker.parent : maker };
}

export function ofLogin(login: StoredLogin, parent: Credential | undefined): Credential {
  const { id, principal, role, tenant, digest, expiresAt, how, createdAt, idleMs, lastUsedAt } = login;
  return {
    ...({ kind: 'login', id, digest, expiresAt, lastUsedAt, ended: false } as const),
    principal: { id: principal, role, tenant },
    name: parent?.name ?? null,
    login: { how, createdAt, idleMs },
    ...(parent && { parent }),
  };
}
