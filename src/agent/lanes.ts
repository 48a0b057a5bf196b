// One turn at a time per session, many sessions at once.
import type { LiveTurn } from './live-turn.ts';

/** Turns of one session that may wait for the one that runs. */
export const LANE_QUEUE_MAX = 64;

interface Lane {
  running?: LiveTurn;
  queue: LiveTurn[];
}

export interface Lanes {
  /** Runs the turn now or after those before it. A turn stopped while it waits is run at once: it only has its end to write. */
  enter(live: LiveTurn): void;
  ofSession(sessionId: string): LiveTurn[];
  /** True while a turn runs, waits, or is on its way into the lane. */
  busy(sessionId: string): boolean;
  /**
   * Takes a place before the turn is accepted, so that messages that come at once see each other; undefined when the lane is full. The place is
   * given back when the turn has entered, or was not accepted.
   */
  reserve(sessionId: string): (() => void) | undefined;
}

/** `run` must not reject. */
export function createLanes(run: (live: LiveTurn) => Promise<void>): Lanes {
  const lanes = new Map<string, Lane>();
  /** Turns being accepted, by session. */
  const reserved = new Map<string, number>();

  async function drive(sessionId: string, lane: Lane, first: LiveTurn): Promise<void> {
    for (let live: LiveTurn | undefined = first; live; live = lane.queue.shift()) {
      lane.running = live;
      await run(live);
    }
    lane.running = undefined;
    lanes.delete(sessionId);
  }

  function wait(lane: Lane, live: LiveTurn): void {
    live.waitingFor = 'lane';
    lane.queue.push(live);
    live.signal.addEventListener(
      'abort',
      () => {
        const place = lane.queue.indexOf(live);
        if (place < 0) return;
        lane.queue.splice(place, 1);
        void run(live);
      },
      { once: true },
    );
  }

  return {
    enter(live) {
      const { sessionId } = live.turn;
      const lane = lanes.get(sessionId);
      if (lane) return wait(lane, live);
      const fresh: Lane = { queue: [] };
      lanes.set(sessionId, fresh);
      void drive(sessionId, fresh, live);
    },
    ofSession(sessionId) {
      const lane = lanes.get(sessionId);
      return lane ? [...(lane.running ? [lane.running] : []), ...lane.queue] : [];
    },
    busy: (sessionId) => lanes.has(sessionId) || reserved.has(sessionId),
    reserve(sessionId) {
      const coming = reserved.get(sessionId) ?? 0;
      const lane = lanes.get(sessionId);
      if ((lane ? lane.queue.length + 1 : 0) + coming > LANE_QUEUE_MAX) return undefined;
      reserved.set(sessionId, coming + 1);
      return () => {
        const left = (reserved.get(sessionId) ?? 1) - 1;
        if (left > 0) reserved.set(sessionId, left);
        else reserved.delete(sessionId);
      };
    },
  };
}
