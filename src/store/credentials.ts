// What the store keeps of those who may call: API keys and sign-ins. Only digests of their secrets ever get here.

export type KeyRole = 'admin' | 'client';

/** Who does it, and by which request. */
export interface By {
  principal: string;
  requestId: string;
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** A credential was used at that moment, wall clock. */
export interface Use {
  id: string;
  at: number;
}

/** Times are wall clock, milliseconds. */
export interface StoredKey {
  id: string;
  tenant: string;
  name: string;
  role: KeyRole;
  /** SHA-256 of the key's text, base64url; null once it is revoked. */
  digest: string | null;
  createdBy: string;
  createdAt: number;
  expiresAt: number | null;
  /** As stored: up to a minute behind. */
  lastUsedAt: number | null;
  revokedAt: number | null;
}

/** A sign-in that lives in a cookie. */
export interface StoredLogin {
  id: string;
  tenant: string;
  /** As whom it acts. */
  principal: string;
  role: KeyRole;
  how: 'link' | 'key';
  /** SHA-256 of the cookie's value, base64url. */
  digest: string;
  /** Digest of the key it acts as and dies with; null for an operator who came by the local command line. */
  keyDigest: string | null;
  createdAt: number;
  expiresAt: number;
  /** Unused for so long it is over. */
  idleMs: number;
  lastUsedAt: number;
}

/** Methods reject with AppError `storage_unavailable` when the store cannot do it. */
export interface Keys {
  /** Rejects with AppError `conflict` when there are too many keys that are not revoked. */
  create(key: Pick<StoredKey, 'id' | 'name' | 'role' | 'expiresAt'> & { digest: string }, by: By): Promise<StoredKey>;
  /** Ends the key, last used at `usedAt`, and its sign-ins in one unit; one that is revoked already stays as it is. Undefined when there is none. */
  revoke(id: string, by: By, usedAt: number | null): Promise<StoredKey | undefined>;
  /** Newest first. */
  list(query: { cursor?: string; limit: number; revoked: boolean }): Promise<Page<StoredKey>>;
  /** Every key that is not revoked; a damaged one is left out, and so opens nothing. */
  live(): Promise<StoredKey[]>;
  used(uses: readonly Use[]): Promise<void>;
}

export interface Logins {
  /** Of one principal only the newest are kept; `ended` names those that had to go. */
  create(
    login: Omit<StoredLogin, 'tenant' | 'createdAt' | 'lastUsedAt'>,
    from: { requestId: string; source: string },
  ): Promise<{ login: StoredLogin; ended: string[] }>;
  /** False when there is none. */
  end(id: string, action: 'logout' | 'login.revoke', by: By): Promise<boolean>;
  /** Newest first; those of one principal, or all. */
  list(query: { principal?: string; cursor?: string; limit: number }): Promise<Page<StoredLogin>>;
  live(): Promise<StoredLogin[]>;
  used(uses: readonly Use[]): Promise<void>;
  /** Deletes what is past its time. */
  sweep(): Promise<void>;
}
