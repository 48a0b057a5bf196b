import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Download, Trash2 } from 'lucide-react';
import { useState } from 'react';
import type { SessionView } from '../../../../src/contract/session.ts';
import { api } from '../../lib/api.ts';
import { formatCount, formatWhen } from '../../lib/format.ts';
import { linkTo } from '../../lib/router.ts';
import { saveFile } from '../../lib/save-file.ts';
import { Button } from '../../parts/button.tsx';
import { Chip } from '../../parts/chip.tsx';
import { CodeBlock } from '../../parts/code-block.tsx';
import { CopyId } from '../../parts/copy-id.tsx';
import { Drawer } from '../../parts/drawer.tsx';
import { Failure } from '../../parts/failure.tsx';
import { TextField } from '../../parts/field.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Skeleton } from '../../parts/skeleton.tsx';
import { readMessages } from '../chat/read-messages.ts';
import { toJson, toMarkdown } from './export-session.ts';
import { titleOf } from './use-sessions.ts';

/** How much of the id one types to erase a session: enough to have looked at it. */
const TYPED = 6;

export function SessionDetail({ id, onClose }: { id: string; onClose(): void }) {
  const session = useQuery({ queryKey: ['session', id], queryFn: () => api.getSession({ id }) });
  return (
    <Drawer
      title={session.data ? titleOf(session.data) : 'Session'}
      aside={session.data?.current && <Chip tone="accent">current</Chip>}
      onClose={onClose}
    >
      {session.isLoading && <Skeleton label="Loading the session" />}
      {session.error && <Failure error={session.error} retry={() => void session.refetch()} />}
      {session.data && <Details session={session.data} onErased={onClose} />}
    </Drawer>
  );
}

function Details({ session, onErased }: { session: SessionView; onErased(): void }) {
  const facts: [string, string][] = [
    ['User', session.user ?? '–'],
    ['Messages', formatCount(session.messageCount)],
    ['Turns', formatCount(session.turnCount)],
    ['Created', formatWhen(session.createdAt)],
    ['Last change', formatWhen(session.updatedAt)],
  ];
  return (
    <>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2 text-sm font-medium text-accent">
        <a href={linkTo('chat', session.id)}>Open in chat</a>
        <a href={linkTo('turns', undefined, { sessionId: session.id })}>Its turns</a>
        <a href={linkTo('logs', undefined, { sessionId: session.id })}>Its log lines</a>
      </div>
      <dl className="flex flex-col divide-y divide-line rounded-xl border border-line bg-panel">
        <div className="flex items-center gap-3 px-4 py-2">
          <dt className="w-24 shrink-0 text-xs text-muted">Id</dt>
          <dd className="min-w-0 wrap-anywhere">
            <CopyId id={session.id} short={false} />
          </dd>
        </div>
        {facts.map(([name, value]) => (
          <div key={name} className="flex items-center gap-3 px-4 py-2">
            <dt className="w-24 shrink-0 text-xs text-muted">{name}</dt>
            <dd className="min-w-0 wrap-anywhere tabular">{value}</dd>
          </div>
        ))}
      </dl>
      {Object.keys(session.metadata).length > 0 && <CodeBlock language="metadata" text={JSON.stringify(session.metadata, null, 2)} />}
      <ExportButtons session={session} />
      <Erase session={session} onErased={onErased} />
    </>
  );
}

function ExportButtons({ session }: { session: SessionView }) {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const save = async (kind: 'json' | 'md') => {
    setBusy(true);
    setFailure(undefined);
    try {
      const messages = (await readMessages(session.id)).flatMap((page) => page.data);
      const text = kind === 'json' ? toJson(session, messages) : toMarkdown(session, messages);
      saveFile(`${session.id}.${kind}`, [text], kind === 'json' ? 'application/json' : 'text/markdown');
    } catch (error) {
      setFailure(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Panel title="Export">
      <div className="flex flex-wrap items-center gap-2 p-4">
        <Button onClick={() => void save('json')} disabled={isBusy}>
          <Download aria-hidden className="size-4" />
          JSON
        </Button>
        <Button onClick={() => void save('md')} disabled={isBusy}>
          <Download aria-hidden className="size-4" />
          Markdown
        </Button>
        <span className="text-xs text-muted">The files are not encrypted.</span>
      </div>
      {failure !== undefined && (
        <div className="p-4 pt-0">
          <Failure error={failure} />
        </div>
      )}
    </Panel>
  );
}

function Erase({ session, onErased }: { session: SessionView; onErased(): void }) {
  const client = useQueryClient();
  const [typed, setTyped] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const wanted = session.id.slice(-TYPED);
  const erase = async () => {
    setBusy(true);
    setFailure(undefined);
    try {
      await api.deleteSession({ id: session.id });
      for (const key of ['session', 'messages', 'turns-of', 'open-turns']) client.removeQueries({ queryKey: [key, session.id] });
      onErased();
      await client.invalidateQueries({ queryKey: ['sessions'] });
    } catch (error) {
      setFailure(error);
      setBusy(false);
    }
  };
  return (
    <Panel title="Erase" className="border-bad/40">
      <form
        className="flex flex-col gap-3 p-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed === wanted) void erase();
        }}
      >
        <p>
          Its key is destroyed: no message of it can be read again, here or in the database. A backup made before keeps its own copy. Type
          the last {TYPED} characters of the id, <strong className="font-mono font-semibold">{wanted}</strong>, to go on.
        </p>
        <div className="flex flex-wrap gap-2">
          <TextField
            label={`Last ${TYPED} characters of the id`}
            value={typed}
            onChange={(event) => setTyped(event.target.value.trim())}
            autoComplete="off"
            spellCheck={false}
            maxLength={TYPED}
            className="w-40 font-mono"
          />
          <Button type="submit" look="danger" disabled={typed !== wanted || isBusy}>
            <Trash2 aria-hidden className="size-4" />
            {isBusy ? 'Erasing…' : 'Erase this session'}
          </Button>
        </div>
        {failure !== undefined && <Failure error={failure} />}
      </form>
    </Panel>
  );
}
