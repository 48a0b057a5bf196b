import type { Credential } from '../access/credential.ts';
import type { KeyView } from '../contract/key.ts';
import type { LoginView, Me } from '../contract/login.ts';
import type { StoredKey, StoredLogin } from '../store/credentials.ts';

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

export function presentKey({ id, name, role, createdBy, ...key }: StoredKey, now: number): KeyView {
  const isExpired = key.expiresAt !== null && now >= key.expiresAt;
  const [createdAt, expiresAt] = [iso(key.createdAt), isoOrNull(key.expiresAt)];
  const [lastUsedAt, revokedAt] = [isoOrNull(key.lastUsedAt), isoOrNull(key.revokedAt)];
  const state = key.revokedAt !== null ? 'revoked' : isExpired ? 'expired' : 'active';
  return { id, name, role, state, createdBy, createdAt, expiresAt, lastUsedAt, revokedAt };
}

type LoginFacts = Pick<StoredLogin, 'id' | 'principal' | 'role' | 'how' | 'createdAt' | 'lastUsedAt' | 'expiresAt' | 'idleMs'>;

export function presentLogin({ id, principal, role, how, idleMs, ...times }: LoginFacts, current: boolean): LoginView {
  const idleExpiresAt = iso(Math.min(times.expiresAt, times.lastUsedAt + idleMs));
  const [createdAt, lastUsedAt, expiresAt] = [iso(times.createdAt), iso(times.lastUsedAt), iso(times.expiresAt)];
  return { id, principal, role, how, current, createdAt, lastUsedAt, expiresAt, idleExpiresAt };
}

export function presentMe(credential: Credential): Me {
  const { id, kind, principal, name, login } = credential;
  const expiresAt = credential.expiresAt;
  const lastUsedAt = credential.lastUsedAt ?? login?.createdAt ?? 0;
  const facts = login && expiresAt !== null && { id, principal: principal.id, role: principal.role, ...login, lastUsedAt, expiresAt };
  return {
    principal: principal.id,
    role: principal.role,
    how: kind,
    name,
    expiresAt: isoOrNull(expiresAt),
    login: facts ? presentLogin(facts, true) : null,
  };
}
