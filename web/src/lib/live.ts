// The live feed. One stream per browser: the tab that holds the lock reads it and tells the others, since a browser opens six connections per origin.
import { useEffect, useRef, useSyncExternalStore } from 'react';
import type { LiveEvent, LiveSnapshot } from '../../../src/contract/live.ts';
import { api, isForbidden, isSignedOut } from './api.ts';

export type LinkState = 'connecting' | 'live' | 'paused' | 'signed-out';

export interface LiveState {
  link: LinkState;
  snapshot: LiveSnapshot | undefined;
  /** When the last word came, by this browser's clock. */
  heardAt: number | undefined;
}

type Said = { kind: 'event'; event: LiveEvent } | { kind: 'link'; link: LinkState } | { kind: 'hello' };

const CHANNEL = 'holdfast-live';
const AGAIN_MS = 1_000;
const AGAIN_CAP_MS = 15_000;

export interface LiveFeed {
  start(): void;
  stop(): void;
  retry(): void;
  read(): LiveState;
  onChange(listener: () => void): () => void;
  onEvent(listener: (event: LiveEvent) => void): () => void;
}

function createLiveFeed(): LiveFeed {
  let state: LiveState = { link: 'connecting', snapshot: undefined, heardAt: undefined };
  const listeners = new Set<() => void>();
  const readers = new Set<(event: LiveEvent) => void>();
  let channel: BroadcastChannel | undefined;
  let life: AbortController | undefined;
  let isLeader = false;
  let wake: (() => void) | undefined;

  const set = (change: Partial<LiveState>) => {
    state = { ...state, ...change };
    for (const listener of listeners) listener();
  };
  const take = (said: Said) => {
    if (said.kind === 'link') set({ link: said.link });
    else if (said.kind === 'hello') greet();
    else {
      set({ link: 'live', heardAt: Date.now(), ...(said.event.type === 'snapshot' && { snapshot: said.event }) });
      for (const reader of readers) reader(said.event);
    }
  };
  const tell = (said: Said) => {
    channel?.postMessage(said);
    take(said);
  };
  /** A tab that was opened just now gets what is known. */
  function greet(): void {
    if (!isLeader) return;
    channel?.postMessage({ kind: 'link', link: state.link } satisfies Said);
    if (state.snapshot) channel?.postMessage({ kind: 'event', event: state.snapshot } satisfies Said);
  }

  async function lead(signal: AbortSignal): Promise<void> {
    isLeader = true;
    let last: string | undefined;
    for (let tries = 0; !signal.aborted; tries += 1) {
      try {
        const options = { signal, ...(last === undefined ? {} : { lastEventId: last }) };
        for await (const { event, id, data } of api.events('liveEvents', {}, options)) {
          last = id ?? last;
          tries = 0;
          tell({ kind: 'event', event: { type: event, ...JSON.parse(data) } as LiveEvent });
        }
      } catch (error) {
        if (signal.aborted) break;
        // The feed is for operators: a client key is told so once.
        if (isForbidden(error)) break;
        if (isSignedOut(error)) {
          tell({ kind: 'link', link: 'signed-out' });
          break;
        }
      }
      if (signal.aborted) break;
      tell({ kind: 'link', link: 'paused' });
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, Math.min(AGAIN_CAP_MS, AGAIN_MS * 2 ** tries) * (0.5 + Math.random() / 2));
      });
    }
    isLeader = false;
  }

  return {
    start() {
      if (life) return;
      life = new AbortController();
      const { signal } = life;
      channel = 'BroadcastChannel' in window ? new BroadcastChannel(CHANNEL) : undefined;
      if (channel) channel.onmessage = ({ data }: MessageEvent<Said>) => take(data);
      // Locks need a secure context; without them each tab reads for itself.
      if (navigator.locks) void navigator.locks.request(CHANNEL, { signal }, () => lead(signal)).catch(() => undefined);
      else void lead(signal);
      channel?.postMessage({ kind: 'hello' } satisfies Said);
    },
    stop() {
      life?.abort();
      life = undefined;
      channel?.close();
      channel = undefined;
      set({ link: 'connecting', snapshot: undefined, heardAt: undefined });
    },
    retry() {
      wake?.();
    },
    read: () => state,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onEvent(listener) {
      readers.add(listener);
      return () => readers.delete(listener);
    },
  };
}

export const live = createLiveFeed();

export const useLive = (): LiveState => useSyncExternalStore(live.onChange, live.read);

/** Calls the latest `listener` for each event while the component is there. */
export function useLiveEvent(listener: (event: LiveEvent) => void): void {
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  useEffect(() => live.onEvent((event) => latest.current(event)), []);
}
