import type { Clock } from '../base/clock.ts';
import type { TurnRecord } from '../contract/turn.ts';

const BUCKETS = 30;

export interface TurnWindow {
  ended(record: Pick<TurnRecord, 'status'>): void;
  read(): { ended: number; bad: number; isWholeWindow: boolean };
}

/** How turns ended in the last `windowMs`, in constant memory. A turn that its caller cancelled says nothing. */
export function createTurnWindow(clock: Clock, windowMs: number): TurnWindow {
  const buckets = Array.from({ length: BUCKETS }, () => ({ slot: -1, ended: 0, bad: 0 }));
  const startedAt = clock.monotonic();
  const slotNow = () => Math.floor((clock.monotonic() / windowMs) * BUCKETS);
  return {
    ended({ status }) {
      if (status === 'cancelled') return;
      const slot = slotNow();
      const bucket = buckets[slot % BUCKETS];
      if (!bucket) return;
      if (bucket.slot !== slot) Object.assign(bucket, { slot, ended: 0, bad: 0 });
      bucket.ended += 1;
      if (status !== 'completed') bucket.bad += 1;
    },
    read() {
      const oldest = slotNow() - BUCKETS;
      const inside = buckets.filter(({ slot }) => slot > oldest);
      return {
        ended: inside.reduce((sum, each) => sum + each.ended, 0),
        bad: inside.reduce((sum, each) => sum + each.bad, 0),
        isWholeWindow: clock.monotonic() - startedAt >= windowMs,
      };
    },
  };
}
