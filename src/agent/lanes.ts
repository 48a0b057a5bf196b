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
  busy(sessionId: string): boolean;
  full(sessionId: string): boolean;
}

/** `run` must not reject. */
export function createLanes(run: (live: LiveTurn) => Promise<void>): Lanes {
  const lanes = new Map<string, Lane>();

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
    busy: (sessionId) => lanes.has(sessionId),
    full: (sessionId) => (lanes.get(sessionId)?.queue.length ?? 0) >= LANE_QUEUE_MAX,
  };
}
