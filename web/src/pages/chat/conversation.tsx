import { useQuery } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { api } from '../../lib/api.ts';
import { apiLater, newKey } from '../../lib/api-later.ts';
import { Empty } from '../../parts/empty.tsx';
import { Failure } from '../../parts/failure.tsx';
import { Skeleton } from '../../parts/skeleton.tsx';
import { titleOf } from '../sessions/use-sessions.ts';
import { Composer } from './composer.tsx';
import { Transcript } from './transcript.tsx';
import { useConversation } from './use-conversation.ts';
import { UNSENT_MAX, useOutbox } from './use-outbox.ts';

/** One session: what was said, what is being said, and the way to say more. */
export function Conversation({ sessionId }: { sessionId: string }) {
  const session = useQuery({ queryKey: ['session', sessionId], queryFn: () => api.getSession({ id: sessionId }) });
  const conversation = useConversation(sessionId);
  const { open, accepted } = conversation;
  const outbox = useOutbox(sessionId, accepted);
  const [failure, setFailure] = useState<unknown>();
  const guard = useCallback(async (act: () => Promise<unknown>) => {
    setFailure(undefined);
    try {
      await act();
    } catch (error) {
      setFailure(error);
    }
  }, []);
  const retry = useCallback(
    (turnId: string) =>
      void guard(async () => {
        await apiLater.retryTurn({ id: turnId }, { idempotencyKey: newKey() });
        await accepted(turnId);
      }),
    [guard, accepted],
  );
  const drop = useCallback(
    (turnId: string) =>
      void guard(async () => {
        await api.cancelTurn({ id: turnId });
        await accepted(turnId);
      }),
    [guard, accepted],
  );
  const running = open[0];

  return (
    <section aria-label="Conversation" className="flex h-full min-h-0 flex-col">
      <header className="flex min-h-12 shrink-0 items-center gap-3 border-b border-line px-4">
        <h2 className="min-w-0 grow truncate text-sm font-semibold">{session.data ? titleOf(session.data) : 'Session'}</h2>
        {open.length > 1 && <span className="text-xs text-muted tabular">{open.length - 1} queued</span>}
      </header>
      {conversation.isLoading ? (
        <div className="min-h-0 grow">
          <Skeleton label="Loading the conversation" />
        </div>
      ) : conversation.error !== null && conversation.exchanges.length === 0 ? (
        <div className="min-h-0 grow p-4">
          <Failure error={conversation.error} retry={conversation.retry} />
        </div>
      ) : conversation.exchanges.length + outbox.unsent.length === 0 ? (
        <div className="min-h-0 grow">
          <Empty title="Nothing was said yet">Write the first message below.</Empty>
        </div>
      ) : (
        <Transcript conversation={conversation} outbox={outbox} retry={retry} drop={drop} />
      )}
      {failure !== undefined && (
        <div className="mx-auto w-full max-w-3xl px-4 pb-2">
          <Failure error={failure} />
        </div>
      )}
      <Composer
        isBusy={running !== undefined}
        isDisabled={outbox.unsent.length >= UNSENT_MAX}
        send={outbox.send}
        stop={() => running && void guard(() => api.cancelTurn({ id: running.turnId }))}
      />
    </section>
  );
}
