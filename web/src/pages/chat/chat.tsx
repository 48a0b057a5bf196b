import { useQueryClient } from '@tanstack/react-query';
import { ArrowLeft } from 'lucide-react';
import { useState } from 'react';
import { api } from '../../lib/api.ts';
import { apiLater, newKey } from '../../lib/api-later.ts';
import { go, linkTo, usePlace } from '../../lib/router.ts';
import { Failure } from '../../parts/failure.tsx';
import { Composer } from './composer.tsx';
import { Conversation } from './conversation.tsx';
import { SessionList } from './session-list.tsx';

const TITLE_CHARS = 60;

/** Sessions at the left, the chosen one beside them. On a small screen one of the two: `?list` shows the sessions. */
export function Chat() {
  const { id, query } = usePlace();
  const isList = query.list !== undefined;
  return (
    <div className="flex h-full min-h-0 pb-16 md:pb-0">
      <h1 className="sr-only">Chat</h1>
      <section
        aria-label="Sessions"
        className={`min-h-0 w-full border-r border-line bg-panel md:block md:w-72 md:shrink-0 ${isList ? '' : 'hidden'}`}
      >
        <SessionList sessionId={id} />
      </section>
      <div className={`min-h-0 min-w-0 grow flex-col md:flex ${isList ? 'hidden' : 'flex'}`}>
        <a
          href={linkTo('chat', id, { list: 'yes' })}
          className="flex shrink-0 items-center gap-2 border-b border-line bg-panel px-4 py-2 text-xs font-medium text-muted md:hidden"
        >
          <ArrowLeft aria-hidden className="size-3.5" />
          All sessions
        </a>
        <div className="min-h-0 grow">{id ? <Conversation key={id} sessionId={id} /> : <FirstMessage />}</div>
      </div>
    </div>
  );
}

const titleFor = (text: string): string => {
  const line = text.trim().split('\n')[0] ?? '';
  const cut = Array.from(line).slice(0, TITLE_CHARS).join('');
  return cut.length < line.length ? `${cut.trimEnd()}…` : cut;
};

/** A session is made with its first message, not before. */
function FirstMessage() {
  const client = useQueryClient();
  const [isBusy, setBusy] = useState(false);
  const [failed, setFailed] = useState<{ error: unknown; text: string }>();
  const begin = async (text: string) => {
    setBusy(true);
    setFailed(undefined);
    try {
      const session = await api.createSession({ body: { title: titleFor(text) } });
      await apiLater.chat({ body: { sessionId: session.id, message: text } }, { idempotencyKey: newKey() });
      await client.invalidateQueries({ queryKey: ['sessions'] });
      go('chat', session.id);
    } catch (error) {
      setFailed({ error, text });
      setBusy(false);
    }
  };
  return (
    <section aria-label="New session" className="flex h-full flex-col">
      <div className="flex min-h-0 grow flex-col items-center justify-center gap-2 p-6 text-center">
        <h2 className="text-lg font-semibold">{isBusy ? 'Sending…' : 'What can the agent do for you?'}</h2>
        <p className="text-muted">Your message is stored before it is answered, and answered once.</p>
        {failed && (
          <div className="mt-4 w-full max-w-xl text-left">
            <Failure error={failed.error} retry={() => void begin(failed.text)} />
          </div>
        )}
      </div>
      <Composer isBusy={false} isDisabled={isBusy} send={(text) => void begin(text)} stop={() => undefined} />
    </section>
  );
}
