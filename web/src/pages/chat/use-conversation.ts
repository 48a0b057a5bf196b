// What a session holds, and what is going on in it, kept in step with the server and with other tabs.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useMemo, useRef } from 'react';
import type { TurnAnswer } from '../../../../src/contract/turn.ts';
import { api } from '../../lib/api.ts';
import { useLive, useLiveEvent } from '../../lib/live.ts';
import { type Exchange, exchangesOf } from './exchanges.ts';
import type { LiveTurn } from './live-turn.ts';
import { type MessagePage, readMessages } from './read-messages.ts';
import { useOpenTurn } from './use-open-turn.ts';

/** Without a live feed (it is for admins) open turns are asked for. */
const POLL_MS = 5_000;
const TURNS = 200;

export interface Conversation {
  exchanges: readonly Exchange[];
  /** Accepted and without an end, in the order in which they run. */
  open: readonly TurnAnswer[];
  live: LiveTurn | undefined;
  isLoading: boolean;
  error: unknown;
  retry(): void;
  /** Takes in what a request of this tab made durable. */
  accepted(turnId: string): Promise<void>;
}

async function readOpen(sessionId: string): Promise<TurnAnswer[]> {
  const both = await Promise.all([
    api.listTurns({ query: { sessionId, status: 'running', limit: TURNS } }),
    api.listTurns({ query: { sessionId, status: 'queued', limit: TURNS } }),
  ]);
  const found = new Map(both.flatMap((page) => page.data).map((turn) => [turn.turnId, turn]));
  // What runs comes first; a retry may have been accepted after what waits for it.
  return [...found.values()].sort(
    (a, b) => Number(b.status === 'running') - Number(a.status === 'running') || (a.turnId < b.turnId ? -1 : 1),
  );
}

export function useConversation(sessionId: string): Conversation {
  const client = useQueryClient();
  const { link } = useLive();
  const messages = useQuery({
    queryKey: ['messages', sessionId],
    queryFn: () => readMessages(sessionId),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const turns = useQuery({ queryKey: ['turns-of', sessionId], queryFn: () => api.listTurns({ query: { sessionId, limit: TURNS } }) });
  const open = useQuery({
    queryKey: ['open-turns', sessionId],
    queryFn: () => readOpen(sessionId),
    refetchInterval: link === 'live' ? false : POLL_MS,
  });

  const newest = useRef(0);
  const refresh = useCallback(
    async (turnId?: string) => {
      const mine = ++newest.current;
      const known = client.getQueryData<MessagePage[]>(['messages', sessionId]);
      const [pages] = await Promise.all([
        readMessages(sessionId, known, turnId).catch(() => undefined), // what is shown stays, and the next event tries again
        client.invalidateQueries({ queryKey: ['turns-of', sessionId] }),
      ]);
      if (pages && mine === newest.current) client.setQueryData(['messages', sessionId], pages);
      await client.invalidateQueries({ queryKey: ['open-turns', sessionId] });
    },
    [client, sessionId],
  );
  const rootOf = (turnId: string): string => turns.data?.data.find((turn) => turn.turnId === turnId)?.retryOf ?? turnId;
  const head = open.data?.[0]?.turnId;
  const live = useOpenTurn(head, (turnId) => refresh(rootOf(turnId)));

  useLiveEvent((event) => {
    if (event.type === 'reset' || event.type === 'lagged') void refresh();
    if (event.type === 'turn.accepted' && event.sessionId === sessionId) void refresh(event.turnId);
    // The one that is followed here brings its own end.
    if (event.type === 'turn.ended' && event.sessionId === sessionId && event.turnId !== head) void refresh(event.retryOf ?? event.turnId);
  });

  const exchanges = useMemo(
    () =>
      exchangesOf(
        (messages.data ?? []).flatMap((page) => page.data),
        [...(turns.data?.data ?? []), ...(open.data ?? [])],
      ),
    [messages.data, turns.data, open.data],
  );
  return {
    exchanges,
    open: open.data ?? [],
    live,
    isLoading: messages.isLoading || turns.isLoading,
    error: messages.error ?? turns.error,
    retry: () => void Promise.all([messages.refetch(), turns.refetch(), open.refetch()]),
    accepted: refresh,
  };
}
