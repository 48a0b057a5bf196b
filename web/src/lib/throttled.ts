// A burst of events costs one refresh, not one each.
import { useEffect, useRef } from 'react';

/** The first call runs at once, those within `everyMs` after it together once at its end. */
export function useThrottled(run: () => void, everyMs: number): () => void {
  const latest = useRef(run);
  const state = useRef<{ timer: ReturnType<typeof setTimeout> | undefined; isDue: boolean }>({ timer: undefined, isDue: false });
  useEffect(() => {
    latest.current = run;
  });
  useEffect(() => () => clearTimeout(state.current.timer), []);
  const call = useRef(() => {
    const now = state.current;
    if (now.timer !== undefined) {
      now.isDue = true;
      return;
    }
    latest.current();
    const over = () => {
      now.timer = undefined;
      if (!now.isDue) return;
      now.isDue = false;
      latest.current();
      now.timer = setTimeout(over, everyMs);
    };
    now.timer = setTimeout(over, everyMs);
  });
  return call.current;
}
