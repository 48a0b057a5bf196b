import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Principal, Store } from '../store/store.ts';
import { noteAct } from './note-act.ts';

/** A page that asks every few seconds is one reading. */
const SAME_READING_MS = 600_000;
const READINGS_MAX = 10_000;

export interface ReadingNotes {
  /** Whose words these are, by session. Settles when the rows of those that are another's are durable; the words may leave then. */
  read(reader: Principal, requestId: string, of: readonly { sessionId: string; principal: string }[]): Promise<void>;
}

/** `session.read` for every door to the words of another: once per reader and session, and again after ten minutes. */
export function createReadingNotes(parts: { store: Pick<Store, 'audit'>; log: Logger; clock: Clock }): ReadingNotes {
  const { clock } = parts;
  const noted = new LRUCache<string, number>({ max: READINGS_MAX });
  return {
    async read(reader, requestId, of) {
      const now = clock.monotonic();
      const foreign = new Set(of.filter(({ principal }) => principal !== reader.id).map(({ sessionId }) => sessionId));
      const due = [...foreign].filter(
        (sessionId) => !(now - (noted.get(`${reader.id} ${sessionId}`) ?? -SAME_READING_MS) < SAME_READING_MS),
      );
      await Promise.all(
        due.map(async (target) => {
          await noteAct(parts, { principal: reader.id, action: 'session.read', target, requestId, outcome: 'ok' });
          noted.set(`${reader.id} ${target}`, now);
        }),
      );
    },
  };
}
