import { useCallback } from 'react';
import { formatCount } from '../../lib/format.ts';
import { go, narrow, usePlace } from '../../lib/router.ts';
import { Empty } from '../../parts/empty.tsx';
import { Failure } from '../../parts/failure.tsx';
import { TextField } from '../../parts/field.tsx';
import { Page } from '../../parts/page.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Skeleton } from '../../parts/skeleton.tsx';
import { SessionDetail } from './session-detail.tsx';
import { SessionTable } from './session-table.tsx';
import { useSessions } from './use-sessions.ts';

export function Sessions() {
  const { id, query } = usePlace();
  const search = query.q ?? '';
  const sessions = useSessions(search);
  const { found, known, hasMore } = sessions;
  const close = useCallback(() => go('sessions', undefined, query), [query]);
  return (
    <div className="h-full pb-16 md:pb-0">
      <Page title="Sessions" about="Every conversation there is, the newest first." fills>
        <div className="flex flex-wrap items-center gap-3">
          <TextField
            label="Search by title, user or id"
            type="search"
            placeholder="Title, user or id"
            value={search}
            onChange={(event) => narrow({ q: event.target.value })}
            className="min-w-0 grow md:max-w-80"
          />
          <span role="status" className="text-xs text-muted tabular">
            {!sessions.isLoading && countOf({ found: found.length, known, hasMore, isSearch: search !== '' })}
          </span>
        </div>
        {sessions.error !== null && <Failure error={sessions.error} retry={sessions.retry} />}
        <Panel className="flex min-h-0 grow flex-col overflow-hidden">
          {sessions.isLoading && <Skeleton label="Loading sessions" />}
          {!sessions.isLoading && found.length === 0 && sessions.error === null && (
            <Empty title={search === '' ? 'No sessions yet' : 'No session has these words'}>
              {search === '' ? 'One is made with the first message.' : hasMore ? 'Still looking…' : 'Titles, users and ids were searched.'}
            </Empty>
          )}
          {found.length > 0 && <SessionTable sessions={found} query={query} readOn={sessions.readOn} />}
        </Panel>
      </Page>
      {id && <SessionDetail key={id} id={id} onClose={close} />}
    </div>
  );
}

function countOf({ found, known, hasMore, isSearch }: { found: number; known: number; hasMore: boolean; isSearch: boolean }): string {
  const of = `${formatCount(known)}${hasMore ? '+' : ''}`;
  return isSearch ? `${formatCount(found)} of ${of}` : `${of} ${known === 1 ? 'session' : 'sessions'}`;
}
