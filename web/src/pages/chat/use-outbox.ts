// Messages on their way to the server: shown until they are durable there, one after the other, each with one key for all its attempts.
import { useCallback, useRef, useState } from 'react';
import { apiLater, newKey } from '../../lib/api-later.ts';

export interface Unsent {
  key: string;
  text: string;
  failure?: unknown;
}

export const UNSENT_MAX = 20;

export interface Outbox {
  unsent: readonly Unsent[];
  send(text: string): void;
  again(key: string): void;
  discard(key: string): void;
}

export function useOutbox(sessionId: string, accepted: (turnId: string) => Promise<void>): Outbox {
  const [unsent, setUnsent] = useState<readonly Unsent[]>([]);
  const line = useRef(Promise.resolve());
  const drop = useCallback((key: string) => setUnsent((all) => all.filter((one) => one.key !== key)), []);

  const post = (one: Unsent) => {
    line.current = line.current.then(async () => {
      try {
        const turn = await apiLater.chat({ body: { sessionId, message: one.text } }, { idempotencyKey: one.key });
        await accepted(turn.turnId);
        drop(one.key);
      } catch (failure) {
        setUnsent((all) => all.map((other) => (other.key === one.key ? { ...other, failure } : other)));
      }
    });
  };
  return {
    unsent,
    send(text) {
      const one = { key: newKey(), text };
      setUnsent((all) => [...all, one]);
      post(one);
    },
    again(key) {
      const found = unsent.find((one) => one.key === key);
      if (!found) return;
      const { failure: _, ...one } = found;
      setUnsent((all) => all.map((other) => (other.key === key ? one : other)));
      post(one);
    },
    discard: drop,
  };
}
