// Who may call: API keys, the two keys from outside the data, one-time links and sign-ins. Knows nothing of HTTP.
import { randomBytes } from 'node:crypto';
import { type Clock, steadyClock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import type { Logger } from '../base/log.ts';
import type { Secret } from '../base/secret.ts';
import type { By, KeyRole, Page, StoredKey } from '../store/credentials.ts';
import type { Principal, Store } from '../store/store.ts';
import { type Credential, digestOf, secretText, TENANT } from './credential.ts';
import { createRegister, type Register } from './register.ts';
import { createSignIns, ofLogin, type SignIns } from './sign-ins.ts';
import { createUses } from './uses.ts';

export interface AccessParts {
  store: Pick<Store, 'keys' | 'logins' | 'audit' | 'agentId'>;
  clock: Clock;
  ids: Ids;
  log: Logger;
  adminKey: Secret | undefined;
  /** Key of the local command line. */
  localToken: Secret;
  random?: (bytes: number) => Buffer;
}

export interface Access extends SignIns, Pick<Register, 'watch'> {
  /** Reads what is stored. Before it only the keys from outside the data are known. */
  load(): Promise<void>;
  /** The key with this text, if it lets anybody in now. */
  byKey(text: string): Credential | undefined;
  /** The same for the value of a cookie. A key is no cookie and a cookie is no key. */
  byCookie(text: string): Credential | undefined;
  used(credential: Credential): void;
  /** Wall clock that does not jump: expiries are judged by it. */
  now(): number;
  createKey(key: { name: string; role: KeyRole; expiresAt: number | null }, by: By): Promise<{ key: StoredKey; text: string }>;
  listKeys(query: { cursor?: string; limit: number; revoked: boolean }): Promise<Page<StoredKey>>;
  /** Takes effect at once, also on what hangs on it. Undefined when there is no such key. */
  revokeKey(id: string, by: By): Promise<StoredKey | undefined>;
  /** Writes what is still in memory only. */
  stop(): Promise<void>;
}

export function createAccess(parts: AccessParts): Access {
  const { store, ids, log, random = randomBytes } = parts;
  const clock = steadyClock(parts.clock);
  const register = createRegister(clock);
  const uses = createUses({ clock, log, keys: store.keys, logins: store.logins });
  addOutside(register, 'admin_key', parts.adminKey);
  addOutside(register, 'local_token', parts.localToken);

  const find = (text: string, isLogin: boolean): Credential | undefined => {
    const found = register.find(digestOf(text));
    return found && (found.kind === 'login') === isLogin ? found : undefined;
  };

  return {
    ...createSignIns({ store, clock, ids, register, random }),
    async load() {
      const [keys, logins] = await Promise.all([store.keys.live(), store.logins.live()]);
      for (const key of keys) if (key.digest !== null) register.add(ofKey(key, key.digest));
      for (const login of logins) {
        const parent = login.keyDigest === null ? undefined : register.find(login.keyDigest);
        // Without its key (an admin key that was changed, say) it is over.
        if (login.keyDigest === null || parent) register.add(ofLogin(login, parent));
      }
    },
    byKey: (text) => find(text, false),
    byCookie: (text) => find(text, true),
    used: uses.note,
    watch: register.watch,
    now: clock.now,

    async createKey({ name, role, expiresAt }, by) {
      const text = secretText(random);
      const digest = digestOf(text);
      const key = await store.keys.create({ id: ids.make('key'), name, role, expiresAt, digest }, by);
      register.add(ofKey(key, digest));
      return { key, text };
    },
    async listKeys(query) {
      const { items, nextCursor } = await store.keys.list(query);
      const fresh = items.map((key) => ({ ...key, lastUsedAt: register.byId(key.id)?.lastUsedAt ?? key.lastUsedAt }));
      return { items: fresh, nextCursor };
    },
    async revokeKey(id, by) {
      const key = await store.keys.revoke(id, by, register.byId(id)?.lastUsedAt ?? null);
      if (key) register.end(id);
      return key;
    },
    stop: uses.flush,
  };
}

function addOutside(register: Register, kind: 'admin_key' | 'local_token', secret: Secret | undefined): void {
  const text = secret?.reveal();
  if (!text) return;
  const principal: Principal = { id: kind === 'admin_key' ? 'key:admin' : 'local', role: 'admin', tenant: TENANT };
  register.add({ kind, id: principal.id, principal, digest: digestOf(text), name: null, expiresAt: null, lastUsedAt: null, ended: false });
}

function ofKey({ id, role, tenant, name, expiresAt, lastUsedAt }: StoredKey, digest: string): Credential {
  return { kind: 'key', id, principal: { id, role, tenant }, digest, name, expiresAt, lastUsedAt, ended: false };
}
