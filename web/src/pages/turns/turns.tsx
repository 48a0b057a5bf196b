import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../lib/api.ts';
import { useLiveEvent } from '../../lib/live.ts';
import { useIsAdmin } from '../../lib/me.ts';
import { go, usePlace } from '../../lib/router.ts';
import { useThrottled } from '../../lib/throttled.ts';
import { Button } from '../../parts/button.tsx';
import { Empty } from '../../parts/empty.tsx';
import { Failure } from '../../parts/failure.tsx';
import { Page } from '../../parts/page.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Skeleton } from '../../parts/skeleton.tsx';
import { TurnDetail } from './detail.tsx';
import { TurnFilters } from './filters.tsx';
import { turnsQueryOf } from './query.ts';
import { TurnTable } from './table.tsx';

const PAGE_ROWS = 50;
const REFRESH_MS = 1_000;
/** A client key hears no live feed. */
const POLL_MS = 5_000;

function useTurns(filters: Readonly<Record<string, string>>) {
  const isAdmin = useIsAdmin();
  return useInfiniteQuery({
    queryKey: ['turns', filters],
    queryFn: ({ pageParam }) =>
      api.listTurns({ query: { ...turnsQueryOf(filters), limit: PAGE_ROWS, ...(pageParam === null ? {} : { cursor: pageParam }) } }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => (page.hasMore ? page.nextCursor : undefined),
    placeholderData: (before) => before,
    refetchInterval: isAdmin ? false : POLL_MS,
  });
}

/** Every turn there was, newest first; with an id in the address, that one beside them. */
export function Turns() {
  const { id, query } = usePlace();
  const client = useQueryClient();
  const turns = useTurns(query);
  const [hasNewer, setNewer] = useState(false);
  const pages = turns.data?.pages ?? [];
  const rows = pages.flatMap(({ data }) => data);

  const refresh = useThrottled(() => {
    // Who reads far down keeps their place, and the server is not asked for every page again.
    if (pages.length > 1) setNewer(true);
    else void client.invalidateQueries({ queryKey: ['turns'] });
  }, REFRESH_MS);
  useLiveEvent(({ type }) => {
    if (type === 'turn.ended' || type === 'turn.accepted' || type === 'reset' || type === 'lagged') refresh();
  });
  const showNewer = () => {
    setNewer(false);
    void client.resetQueries({ queryKey: ['turns'] });
  };

  const models = [...new Set(rows.flatMap(({ model }) => (model === null ? [] : [model])))];
  return (
    <Page title="Turns" about="Each message that was accepted, and how it was answered.">
      <TurnFilters filters={query} seenModels={models} />
      {turns.isError && <Failure error={turns.error} retry={() => void turns.refetch()} />}
      {hasNewer && (
        <Button look="primary" size="small" className="self-center rounded-full" onClick={showNewer}>
          There are newer turns · Show
        </Button>
      )}
      {!(turns.isError && rows.length === 0) && (
        <Panel className="mb-16 overflow-hidden md:mb-0">
          {turns.isPending && <Skeleton label="Loading turns" />}
          {turns.isSuccess && rows.length === 0 && <NoTurns filters={query} hasMore={turns.hasNextPage} />}
          {rows.length > 0 && <TurnTable turns={rows} query={query} />}
          {turns.hasNextPage && (
            <div className="flex justify-center border-t border-line p-3">
              <Button size="small" disabled={turns.isFetchingNextPage} onClick={() => void turns.fetchNextPage()}>
                {turns.isFetchingNextPage ? 'Loading…' : 'Older turns'}
              </Button>
            </div>
          )}
        </Panel>
      )}
      {id && <TurnDetail key={id} id={id} onClose={() => go('turns', undefined, query)} />}
    </Page>
  );
}

function NoTurns({ filters, hasMore }: { filters: Readonly<Record<string, string>>; hasMore: boolean }) {
  if (hasMore) return <Empty title="None on this page">There may be some among the older turns.</Empty>;
  if (Object.keys(filters).length > 0) return <Empty title="No turn matches">Drop a filter to see more.</Empty>;
  return (
    <Empty title="No turns yet">
      Say something in{' '}
      <a href="#/chat" className="text-accent underline">
        Chat
      </a>{' '}
      and it appears here.
    </Empty>
  );
}
