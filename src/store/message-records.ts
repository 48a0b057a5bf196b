// Messages as rows and as records: what binds the two, and what is left of one that does not hold.
import type { Logger } from '../base/log.ts';
import type { Part, Role } from '../contract/message.ts';
import type { SessionKey } from '../crypto/types.ts';
import { bytesOf, textOf, textOrNull, timeOf, wholeOf } from './columns.ts';
import { readRow } from './damaged-rows.ts';
import type { Row } from './database.ts';
import type { Leases } from './leases.ts';
import type { Seals } from './seals.ts';
import type { SessionKeys } from './session-keys.ts';
import type { StoredMessage } from './store.ts';

/**
 * What a record holds: the parts, and what the clear columns of its row must say. A row that says otherwise is a damaged one; else a question
 * could be passed off as an answer. A step of 0 stands for none.
 */
export type Sealed = readonly [role: Role, turnId: string, step: number, incomplete: 0 | 1, parts: Part[]];

/** A message as its row says it, opened. */
export interface OpenedMessage extends StoredMessage {
  step: number | null;
}

/** A message that is not shown; the turns it is known to be of, by its row or its record. */
export interface Damaged {
  damaged: true;
  turnIds: unknown[];
}

export const isWhole = (message: OpenedMessage | Damaged): message is OpenedMessage => !('damaged' in message);

export interface MessageOpenerParts {
  log: Logger;
  seals: Seals;
  keys: SessionKeys;
  leases: Pick<Leases, 'peek'>;
}

/** Opens rows of one session, in their order. Each that is damaged is logged once, by id. */
export function createMessageOpener({ log, seals, keys, leases }: MessageOpenerParts) {
  const keyOf = async (sessionId: string): Promise<SessionKey | undefined> => leases.peek(sessionId)?.key ?? (await keys.find(sessionId));

  function openRow(sessionId: string, key: SessionKey | undefined, row: Row): OpenedMessage | Damaged {
    const clear = readRow(log, 'messages', row, clearOf);
    if (!clear) return { damaged: true, turnIds: [row.turn_id] };
    const { tenant, record, ...message } = clear;
    const { id, seq, role, turnId, step, incomplete } = message;
    const place = { tenant, sessionId, rowId: id, seq };
    const opened = key && seals.open('messages.content_sealed', key, place, record);
    if (!opened) return { damaged: true, turnIds: [turnId] };
    const sealed = opened.value as Sealed;
    if (sealed[0] === role && sealed[1] === turnId && sealed[2] === (step ?? 0) && sealed[3] === (incomplete ? 1 : 0))
      return { ...message, sessionId, parts: sealed[4] };
    log.error('record.damaged', { part: 'messages', sessionId, code: id, seq });
    return { damaged: true, turnIds: [turnId, sealed[1]] };
  }

  return async function openAll(sessionId: string, rows: Row[]): Promise<(OpenedMessage | Damaged)[]> {
    if (rows.length === 0) return [];
    const key = await keyOf(sessionId);
    if (!key) log.error('messages.closed', { sessionId, count: rows.length });
    return rows.map((row) => openRow(sessionId, key, row));
  };
}

function clearOf(row: Row): Omit<OpenedMessage, 'sessionId' | 'parts'> & { tenant: string; record: Uint8Array } {
  if (row.incomplete !== 0 && row.incomplete !== 1) throw new TypeError('column incomplete is not a flag');
  if (row.step === 0) throw new TypeError('column step is not a step');
  return {
    id: textOf(row, 'id'),
    tenant: textOf(row, 'tenant'),
    turnId: textOf(row, 'turn_id'),
    seq: wholeOf(row, 'seq'),
    step: row.step === null ? null : wholeOf(row, 'step'),
    // Checked against the record, which only ever holds one of ours.
    role: textOf(row, 'role') as Role,
    incomplete: row.incomplete === 1,
    model: textOrNull(row, 'model'),
    createdAt: timeOf(row, 'created_at'),
    record: bytesOf(row, 'content_sealed'),
  };
}
