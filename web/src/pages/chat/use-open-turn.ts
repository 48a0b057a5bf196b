// Follows the one turn of a session that runs. A lane runs one at a time, so one stream a tab is enough; the others wait in the list of open turns.
import { useEffect, useRef, useState } from 'react';
import { HoldfastError } from '../../../../src/client/failure.ts';
import { api } from '../../lib/api.ts';
import { freshTurn, type LiveTurn, takeEvent } from './live-turn.ts';

const AGAIN_MS = 2_000;

const isOver = (error: unknown): boolean => error instanceof HoldfastError && (error.status === 401 || error.status === 404);

/** `ended` is awaited before what came live is let go, so that the stored reply takes its place without a gap. */
export function useOpenTurn(turnId: string | undefined, ended: (turnId: string) => Promise<void>): LiveTurn | undefined {
  const [live, setLive] = useState<LiveTurn>();
  const onEnded = useRef(ended);
  useEffect(() => {
    onEnded.current = ended;
  });

  useEffect(() => {
    if (turnId === undefined) return;
    const life = new AbortController();
    const { signal } = life;
    let now = freshTurn(turnId);
    let frame = 0;
    // Not more often than the screen is drawn; a hidden tab draws when it is looked at again.
    const show = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        if (!signal.aborted) setLive(now);
      });
    };
    async function follow(id: string): Promise<void> {
      while (!signal.aborted && !now.end) {
        try {
          for await (const event of api.follow(id, { signal })) {
            now = takeEvent(now, event);
            show();
          }
        } catch (error) {
          if (signal.aborted || isOver(error)) break;
          now = { ...now, isCutOff: true };
          show();
          await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        }
      }
      if (!signal.aborted) await onEnded.current(id);
      if (!signal.aborted) setLive(undefined);
    }
    setLive(now);
    void follow(turnId);
    return () => {
      life.abort();
      cancelAnimationFrame(frame);
      setLive(undefined);
    };
  }, [turnId]);
  return live;
}
