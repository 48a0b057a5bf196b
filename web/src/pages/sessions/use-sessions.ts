// All sessions, page by page. The API has no search (titles are sealed), so one searches in what is here; with words given the rest is read too.
import { useInfiniteQuery } from '@tanstack/react-query';
import { useDeferredValue, useEffect, useMemo, useRef } from 'react';
import type { SessionView } from '../../../../src/contract/session.ts';
import { api } from '../../lib/api.ts';
import { useLiveEvent } from '../../lib/live.ts';

const PAGE = 200;
/** 20,000 sessions. */
const PAGES_MAX = 100;

/** A burst of events costs one reading. */
const REFRESH_MS = 700;
const REASONS = new Set(['turn.accepted', 'turn.ended', 'reset', 'lagged']);

export interface Sessions {
  found: readonly SessionView[];
  /** How many are here in all. */
  known: number;
  hasMore: boolean;
  isLoading: boolean;
  isReadingOn: boolean;
  error: unknown;
  readOn(): void;
  retry(): void;
}

/** Any shorter piece is in some id by chance. */
const ID_CHARS_MIN = 5;

const matches = (session: SessionView, words: readonly string[]): boolean => {
  const text = `${session.title ?? ''} ${session.user ?? ''}`.toLowerCase();
  return words.every((word) => text.includes(word) || (word.length >= ID_CHARS_MIN && session.id.includes(word)));
};

export function useSessions(search: string): Sessions {
  const query = useInfiniteQuery({
    queryKey: ['sessions'],
    queryFn: ({ pageParam }) => api.listSessions({ query: { limit: PAGE, ...(pageParam !== undefined && { cursor: pageParam }) } }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page, pages) => (pages.length < PAGES_MAX ? (page.nextCursor ?? undefined) : undefined),
    staleTime: 10_000,
  });
  const { hasNextPage, isFetchingNextPage, fetchNextPage, data, refetch } = query;
  const isFirstPageOnly = data?.pages.length === 1;
  const due = useRef<ReturnType<typeof setTimeout>>(undefined);
  useLiveEvent((event) => {
    // A long list is not read anew for each turn; it is when it is looked at again.
    if (!isFirstPageOnly || !REASONS.has(event.type) || due.current !== undefined) return;
    due.current = setTimeout(() => {
      due.current = undefined;
      void refetch();
    }, REFRESH_MS);
  });
  useEffect(() => () => clearTimeout(due.current), []);

  const asked = useDeferredValue(search.trim().toLowerCase());
  const isSearching = asked !== '';
  useEffect(() => {
    if (isSearching && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [isSearching, hasNextPage, isFetchingNextPage, fetchNextPage]);

  const all = useMemo(() => data?.pages.flatMap((page) => page.data) ?? [], [data]);
  const found = useMemo(() => (asked === '' ? all : all.filter((session) => matches(session, asked.split(/\s+/)))), [all, asked]);
  return {
    found,
    known: all.length,
    hasMore: hasNextPage,
    isLoading: query.isLoading,
    isReadingOn: isFetchingNextPage,
    error: query.error,
    readOn: () => void (hasNextPage && !isFetchingNextPage && fetchNextPage()),
    retry: () => void refetch(),
  };
}

export const titleOf = (session: Pick<SessionView, 'title' | 'user'>): string => session.title ?? session.user ?? 'Untitled session';
