import { hash } from 'node:crypto';
import { crockford } from '../base/ids.ts';
import type { Principal } from '../store/store.ts';

/** Until there are several tenants, everything is this one's. */
export const TENANT = 'default';

/** Something that lets a caller in, and what it lets them be. */
export interface Credential {
  /** `admin_key` is HOLDFAST_ADMIN_KEY, `local_token` the key of the local command line: both come from outside the data. */
  readonly kind: 'key' | 'admin_key' | 'local_token' | 'login';
  /** `key_…`, `lgn_…`, or the principal's id for the two that are in no table. */
  readonly id: string;
  readonly principal: Principal;
  /** What `digestOf` makes of its text. */
  readonly digest: string;
  /** A key's own name. */
  readonly name: string | null;
  /** Wall clock, milliseconds. */
  readonly expiresAt: number | null;
  /** Of a sign-in: how it came to be, and how long it may lie unused. */
  readonly login?: { how: 'link' | 'key'; createdAt: number; idleMs: number };
  /** The key a sign-in acts as and dies with. */
  readonly parent?: Credential;
  lastUsedAt: number | null;
  /** Revoked or signed out. Never false again. */
  ended: boolean;
}

const SECRET_BYTES = 32;

/** `hf_` and 256 random bits, in letters that survive being read aloud. */
export const secretText = (random: (bytes: number) => Buffer): string => `hf_${crockford(random(SECRET_BYTES))}`;

/** SHA-256 without salt or stretching: what is hashed has 256 random bits, or the 32 random characters an operator was told to use. */
export const digestOf = (text: string): string => hash('sha256', text, 'base64url');
