/**
 * One tenant's keys, opened. L0 the master key (KEK, kept outside the data) wraps the rows of table `keyring`: the data root keys (DRK), the
 * MAC keys, the blind-index key and the tenant's own key. A DRK wraps session keys. Key material stays in KeyObjects, outside the heap.
 */
import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import { ConfigError } from '../base/errors.ts';
import { createIvSource, type Random } from './aead.ts';
import { lengthPrefixedBytesMax, writeLengthPrefixed } from './length-prefix.ts';
import { SealError } from './seal-error.ts';
import { derive, deriveSessionKey } from './session-key.ts';
import type { KeyringRow, SessionKey, WrappedKey } from './types.ts';
import { type KeyPlace, unwrap, wrap } from './wrap.ts';

export type MacPurpose = 'audit' | 'idempotency' | 'index';

export interface Keyring {
  /** Version of the data root key that wraps new session keys. */
  readonly drkVersion: number;
  /** Seals records of the tenant that belong to no session. */
  readonly tenantKey: SessionKey;
  /** A new random session key, version 1. `rowId` names the session (or subject) it belongs to and is bound into the wrapping. */
  newSessionKey(rowId: string): { key: SessionKey; wrapped: WrappedKey };
  /** Throws SealError when it does not open for this row, or its data root key is gone. */
  unwrapSessionKey(rowId: string, wrapped: WrappedKey): SessionKey;
  /** HMAC-SHA-256 over the length-prefixed parts, 32 bytes. Each purpose has a key of its own. */
  mac(purpose: MacPurpose, ...parts: string[]): Buffer;
}

/** Whose keyring it is and what opens it. */
export interface KeyringOwner {
  kek: KeyObject;
  tenant: string;
  install: string;
  /** Of new keys and IVs; the system's by default. */
  random?: Random;
}

/** The opened rows. */
interface Keys {
  drks: ReadonlyMap<number, KeyObject>;
  macs: Record<MacPurpose, KeyObject>;
  tenantKey: SessionKey;
}

type Purpose = KeyringRow['purpose'];

const KEY_BYTES = 32;
/** `wrappedBy` of everything the master key wraps. */
const KEK = 0;
const MADE_AT_FIRST: readonly Purpose[] = ['drk', 'mac-audit', 'mac-idempotency', 'index', 'tenant'];
/** The only cure: without its keyring nothing of the data can be opened. */
const RESTORE = 'put the data folder of a backup back, keys and data of the same time';

/** Makes a tenant's first keys. Only for an install without data: with data present a key is never generated. */
export function createKeyring(owner: KeyringOwner & { now: () => number }): { keyring: Keyring; rows: KeyringRow[] } {
  const random = owner.random ?? randomBytes;
  const nextIv = createIvSource(random);
  const createdAt = owner.now();
  const row = (purpose: Purpose, secret: Buffer): KeyringRow => {
    const wrapped = wrap(owner.kek, rowPlace(owner, purpose, 1), secret, nextIv());
    secret.fill(0);
    return { purpose, tenant: owner.tenant, version: 1, wrapped, createdAt };
  };
  const rows = MADE_AT_FIRST.map((purpose) => row(purpose, random(KEY_BYTES)));
  rows.push(row('check', checkBytes(owner.kek)));
  return { keyring: openKeyring({ ...owner, rows }), rows };
}

/**
 * Opens a tenant's keyring. Throws ConfigError, before anything could be written: for a master key that is not the one of this data (its
 * check record does not open), and for a keyring with a row missing or damaged.
 */
export function openKeyring(owner: KeyringOwner & { rows: readonly KeyringRow[] }): Keyring {
  const rows = owner.rows.filter((row) => row.tenant === owner.tenant);
  checkMasterKey(owner, rows);
  const newest = (purpose: Purpose): [KeyringRow, Buffer] => {
    const row = rows.filter((each) => each.purpose === purpose).reduce<KeyringRow | undefined>(newer, undefined);
    if (!row) throw new ConfigError(`The keyring has no ${purpose} key.`, RESTORE);
    return [row, openRow(owner, row)];
  };
  const newestKey = (purpose: Purpose): KeyObject => toKey(newest(purpose)[1]);

  const [tenantRow, tenantSecret] = newest('tenant');
  const tenant = deriveSessionKey(tenantSecret, tenantRow.version);
  tenantSecret.fill(0);
  newest('drk')[1].fill(0); // there is at least one
  return keyringOf(owner, {
    drks: new Map(rows.filter((row) => row.purpose === 'drk').map((row) => [row.version, toKey(openRow(owner, row))])),
    macs: { audit: newestKey('mac-audit'), idempotency: newestKey('mac-idempotency'), index: newestKey('index') },
    tenantKey: { version: tenant.version, recordKey: tenant.recordKey },
  });
}

function keyringOf(owner: KeyringOwner, keys: Keys): Keyring {
  const random = owner.random ?? randomBytes;
  const nextIv = createIvSource(random);
  const drkVersion = Math.max(...keys.drks.keys());
  const sessionPlace = (rowId: string, version: number, wrappedBy: number): KeyPlace => ({
    install: owner.install,
    tenant: owner.tenant,
    purpose: 'sek',
    keyId: rowId,
    version,
    wrappedBy,
  });
  const drk = (version: number): KeyObject => {
    const key = keys.drks.get(version);
    if (!key) throw new SealError();
    return key;
  };

  return {
    drkVersion,
    tenantKey: keys.tenantKey,
    newSessionKey(rowId) {
      const sek = random(KEY_BYTES);
      const version = 1;
      const { recordKey, commitment } = deriveSessionKey(sek, version);
      const wrapped = wrap(drk(drkVersion), sessionPlace(rowId, version, drkVersion), sek, nextIv());
      sek.fill(0);
      return { key: { version, recordKey }, wrapped: { version, drkVersion, wrapped, commitment } };
    },
    unwrapSessionKey(rowId, { version, drkVersion: wrappedBy, wrapped, commitment }) {
      const sek = unwrap(drk(wrappedBy), sessionPlace(rowId, version, wrappedBy), wrapped);
      if (sek.length !== KEY_BYTES) throw new SealError();
      const derived = deriveSessionKey(sek, version);
      sek.fill(0);
      if (!isSame(derived.commitment, commitment)) throw new SealError();
      return { version, recordKey: derived.recordKey };
    },
    mac(purpose, ...parts) {
      const data = Buffer.allocUnsafe(lengthPrefixedBytesMax(parts));
      let end = 0;
      for (const part of parts) end = writeLengthPrefixed(data, end, part);
      return createHmac('sha256', keys.macs[purpose]).update(data.subarray(0, end)).digest();
    },
  };
}

function checkMasterKey(owner: KeyringOwner, rows: readonly KeyringRow[]): void {
  const check = rows.find((row) => row.purpose === 'check');
  if (!check) throw new ConfigError('The keyring has no check record.', RESTORE);
  try {
    const opened = unwrap(owner.kek, rowPlace(owner, 'check', check.version), check.wrapped);
    if (isSame(opened, checkBytes(owner.kek))) return;
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
  }
  throw new ConfigError(
    'The master key does not open this data: it is not the key the data was made with. Nothing was written.',
    'HOLDFAST_MASTER_KEY="<the key this data was made with>" holdfast start',
  );
}

function openRow(owner: KeyringOwner, row: KeyringRow): Buffer {
  try {
    const secret = unwrap(owner.kek, rowPlace(owner, row.purpose, row.version), row.wrapped);
    if (secret.length === KEY_BYTES) return secret;
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
  }
  throw new ConfigError(`The keyring is damaged: its ${row.purpose} key, version ${row.version}, does not open.`, RESTORE);
}

function rowPlace(owner: KeyringOwner, purpose: Purpose, version: number): KeyPlace {
  return { install: owner.install, tenant: owner.tenant, purpose, keyId: '', version, wrappedBy: KEK };
}

/** The check record's content depends on the key as well as its tag does, so that no crafted record opens under two keys. */
function checkBytes(kek: KeyObject): Buffer {
  return derive(kek, 'holdfast/check/v1');
}

function toKey(secret: Buffer): KeyObject {
  const key = createSecretKey(secret);
  secret.fill(0);
  return key;
}

function newer(best: KeyringRow | undefined, row: KeyringRow): KeyringRow {
  return best && best.version >= row.version ? best : row;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
