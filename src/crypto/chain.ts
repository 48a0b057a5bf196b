/**
 * The audit chain: every row carries the SHA-256 of itself and of the row before it in the same writer's chain. Byte layout, for whoever
 * writes an independent verifier:
 *
 *     hash = SHA-256( LP("holdfast-audit/v1") previous[32] LP(writer) u64(seq) u64(at)
 *                     LP(tenant) LP(principal) LP(action) LP(target) LP(requestId) LP(outcome) LP(detail) )
 *     LP(x) = u32 BE length || UTF-8 bytes        u64 = unsigned 64-bit BE        at = milliseconds since 1970, UTC
 *
 * `previous` is the hash of the row with seq − 1 of the same writer, and 32 zero bytes (GENESIS) for a writer's first row.
 */
import { hash } from 'node:crypto';
import { writeLengthPrefixed, writeUint64 } from './length-prefix.ts';

/** One audit row as it is hashed: an audit entry plus its place in a chain. */
export interface ChainRow {
  writer: string;
  /** From 1 in each writer's chain, without gaps. */
  seq: number;
  /** Milliseconds since 1970, UTC. */
  at: number;
  tenant: string;
  principal: string;
  action: string;
  target: string;
  requestId: string;
  outcome: string;
  detail: string;
}

const HASH_BYTES = 32;

/** What stands for the previous hash in a writer's first row. Never write to it: typed arrays cannot be frozen. */
export const GENESIS: Uint8Array = new Uint8Array(HASH_BYTES);

const CONTEXT = 'holdfast-audit/v1';

/** Throws RangeError when `previous` is not 32 bytes, or seq or at is not an unsigned safe integer. */
export function linkHash(previous: Uint8Array, row: ChainRow): Buffer {
  if (previous.length !== HASH_BYTES) throw new RangeError('the previous hash is 32 bytes');
  const { writer, tenant, principal, action, target, requestId, outcome, detail } = row;
  const units =
    CONTEXT.length +
    (writer.length + tenant.length + principal.length + action.length + target.length + requestId.length + outcome.length + detail.length);
  const data = Buffer.allocUnsafe(9 * 4 + units * 3 + HASH_BYTES + 2 * 8); // UTF-8 takes at most 3 bytes for a UTF-16 unit
  let end = writeLengthPrefixed(data, 0, CONTEXT);
  data.set(previous, end);
  end = writeLengthPrefixed(data, end + HASH_BYTES, writer);
  end = writeUint64(data, end, row.seq);
  end = writeUint64(data, end, row.at);
  end = writeLengthPrefixed(data, end, tenant);
  end = writeLengthPrefixed(data, end, principal);
  end = writeLengthPrefixed(data, end, action);
  end = writeLengthPrefixed(data, end, target);
  end = writeLengthPrefixed(data, end, requestId);
  end = writeLengthPrefixed(data, end, outcome);
  end = writeLengthPrefixed(data, end, detail);
  return hash('sha256', data.subarray(0, end), 'buffer');
}
