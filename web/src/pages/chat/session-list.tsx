import { Plus } from 'lucide-react';
import { useState } from 'react';
import type { SessionView } from '../../../../src/contract/session.ts';
import { formatWhen } from '../../lib/format.ts';
import { linkTo } from '../../lib/router.ts';
import { Button } from '../../parts/button.tsx';
import { Failure } from '../../parts/failure.tsx';
import { TextField } from '../../parts/field.tsx';
import { Skeleton } from '../../parts/skeleton.tsx';
import { titleOf, useSessions } from '../sessions/use-sessions.ts';

/** More than anybody scrolls through here; the rest is found by words, or in Sessions. */
const SHOWN_MAX = 200;

export function SessionList({ sessionId }: { sessionId: string | undefined }) {
  const [search, setSearch] = useState('');
  const sessions = useSessions(search);
  const shown = sessions.found.slice(0, SHOWN_MAX);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex items-center gap-2 p-3">
        <TextField
          label="Search sessions"
          type="search"
          placeholder="Search sessions"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          className="min-w-0 grow"
        />
        <a
          href={linkTo('chat')}
          aria-label="New session"
          title="New session"
          className="flex size-9 shrink-0 items-center justify-center rounded-md bg-accent text-on-accent hover:opacity-90"
        >
          <Plus aria-hidden className="size-4" />
        </a>
      </div>
      <div className="min-h-0 grow overflow-y-auto px-2 pb-3">
        {sessions.isLoading && <Skeleton label="Loading sessions" />}
        {sessions.error !== null && sessions.known === 0 && <Failure error={sessions.error} retry={sessions.retry} />}
        {!sessions.isLoading && !sessions.error && shown.length === 0 && (
          <p className="px-3 py-8 text-center text-muted">{search === '' ? 'No sessions yet.' : 'No session has these words.'}</p>
        )}
        <ul className="flex flex-col gap-0.5">
          {shown.map((session) => (
            <SessionItem key={session.id} session={session} isHere={session.id === sessionId} />
          ))}
        </ul>
        {sessions.found.length > SHOWN_MAX && (
          <p className="px-3 py-2 text-xs text-muted">
            The newest {SHOWN_MAX} of {sessions.found.length}. Search for others.
          </p>
        )}
        {sessions.hasMore && sessions.found.length <= SHOWN_MAX && (
          <Button size="small" look="ghost" className="mt-1 w-full" onClick={sessions.readOn} disabled={sessions.isReadingOn}>
            {sessions.isReadingOn ? 'Reading…' : 'Show more'}
          </Button>
        )}
      </div>
    </div>
  );
}

function SessionItem({ session, isHere }: { session: SessionView; isHere: boolean }) {
  return (
    <li>
      <a
        href={linkTo('chat', session.id)}
        aria-current={isHere ? 'page' : undefined}
        className={`flex flex-col rounded-md px-3 py-2 ${isHere ? 'bg-accent-soft' : 'hover:bg-raised'}`}
      >
        <span className={`truncate font-medium ${session.title === null && session.user === null ? 'text-muted' : ''}`}>
          {titleOf(session)}
        </span>
        <span className="flex justify-between gap-2 text-xs text-muted tabular">
          <span>{formatWhen(session.updatedAt)}</span>
          <span>{session.current ? 'current' : `${session.messageCount} msg`}</span>
        </span>
      </a>
    </li>
  );
}
