import type { KeyObject } from 'node:crypto';

/** Where a record belongs. Bound into its AAD, so a record moved anywhere else does not open. */
export interface Place {
  install: string;
  tenant: string;
  table: string;
  column: string;
  rowId: string;
  /** '' for records that belong to no session. */
  sessionId: string;
  /** The message's seq, or the row's revision for columns that change. */
  seq: number;
}

/** An unwrapped key of one session, ready to seal and open its records. */
export interface SessionKey {
  version: number;
  recordKey: KeyObject;
}

/** A session key as the store keeps it: wrapped by the data root key of version `drkVersion`. */
export interface WrappedKey {
  version: number;
  drkVersion: number;
  wrapped: Uint8Array;
  commitment: Uint8Array;
}

/**
 * A row of table `keyring`, wrapped by the KEK: a data root key, a MAC key, the blind-index key, the tenant's own session key (for records
 * that belong to no session) or the check record.
 */
export interface KeyringRow {
  purpose: 'drk' | 'mac-audit' | 'mac-idempotency' | 'index' | 'tenant' | 'check';
  tenant: string;
  version: number;
  wrapped: Uint8Array;
  createdAt: number;
}
