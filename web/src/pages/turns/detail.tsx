import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Ban, Lightbulb, MessageSquare, RotateCcw, ScrollText } from 'lucide-react';
import type { ReactNode } from 'react';
import type { TurnAnswer } from '../../../../src/contract/turn.ts';
import type { TurnTrace } from '../../../../src/contract/turn-trace.ts';
import { api } from '../../lib/api.ts';
import { formatCount, formatMs, formatWhen } from '../../lib/format.ts';
import { useLiveEvent } from '../../lib/live.ts';
import { useIsAdmin } from '../../lib/me.ts';
import { go, linkTo, usePlace } from '../../lib/router.ts';
import { Button } from '../../parts/button.tsx';
import { TurnChip } from '../../parts/chip.tsx';
import { CopyId } from '../../parts/copy-id.tsx';
import { Drawer } from '../../parts/drawer.tsx';
import { Empty } from '../../parts/empty.tsx';
import { Failure } from '../../parts/failure.tsx';
import { LinkButton } from '../../parts/link-button.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Skeleton } from '../../parts/skeleton.tsx';
import { reasonLabel } from './query.ts';
import { retriesOf } from './spans.ts';
import { Waterfall } from './waterfall.tsx';

const WAITS: Record<string, string> = {
  model: 'Waiting for the model',
  lane: 'Waiting for an earlier turn of its session',
  queued: 'Waiting for its turn',
};
const ASK_AGAIN_MS = 2_000;
const isOpen = ({ status }: Pick<TurnTrace, 'status'>): boolean => status === 'queued' || status === 'running';

/** The trace and what only the answer knows. */
type Traced = TurnTrace & Pick<TurnAnswer, 'model' | 'usage' | 'waitingFor'>;

/** One turn: what happened, how long each part took, and what to do about what failed. */
export function TurnDetail({ id, onClose }: { id: string; onClose: () => void }) {
  const client = useQueryClient();
  const trace = useQuery({
    queryKey: ['turn', id, 'trace'],
    queryFn: async () => {
      const [trace, answer] = await Promise.all([api.traceTurn({ id }), api.getTurn({ id })]);
      const { model, usage, waitingFor } = answer;
      // The stored row says `queued` until the end; whether it runs only the answer tells.
      return { ...trace, ...(isOpen(trace) && { status: answer.status }), model, usage, waitingFor };
    },
    refetchInterval: ({ state }) => (state.data && isOpen(state.data) ? ASK_AGAIN_MS : false),
  });
  useLiveEvent((event) => {
    if (event.type === 'turn.ended' && event.turnId === id) void client.invalidateQueries({ queryKey: ['turn', id] });
  });
  return (
    <Drawer title="Turn" aside={trace.data && <TurnChip status={trace.data.status} />} onClose={onClose}>
      {trace.isPending && <Skeleton label="Loading the turn" />}
      {trace.isError && <Failure error={trace.error} retry={() => void trace.refetch()} />}
      {trace.data && <Body trace={trace.data} />}
    </Drawer>
  );
}

function Body({ trace }: { trace: Traced }) {
  return (
    <>
      <Actions trace={trace} />
      {trace.advice.map(({ code, cause, fix }) => (
        <div key={code} className="flex gap-3 rounded-xl border border-warn/40 bg-warn-soft p-4">
          <Lightbulb aria-hidden className="mt-0.5 size-4 shrink-0 text-warn" />
          <div className="min-w-0">
            <p className="font-medium">
              {cause} <span className="font-mono text-xs font-normal text-muted">{code}</span>
            </p>
            <p className="text-muted">{fix}</p>
          </div>
        </div>
      ))}
      <Panel title="Time line">
        {isOpen(trace) && trace.steps.length === 0 ? (
          <Empty title={WAITS[trace.waitingFor ?? trace.status] ?? 'Under way'}>
            Model calls and tools appear when the turn ends: they are stored with its end.
          </Empty>
        ) : (
          <Waterfall trace={trace} />
        )}
      </Panel>
      <Panel title="Facts">
        <Facts trace={trace} />
      </Panel>
    </>
  );
}

function Actions({ trace }: { trace: Traced }) {
  const client = useQueryClient();
  const isAdmin = useIsAdmin();
  const { query } = usePlace();
  const refresh = () => void client.invalidateQueries({ queryKey: ['turns'] });
  const cancel = useMutation({
    mutationFn: () => api.cancelTurn({ id: trace.turnId }),
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ['turn', trace.turnId] });
      refresh();
    },
  });
  const retry = useMutation({
    mutationFn: () => api.retryTurn({ id: trace.turnId }),
    onSuccess: ({ turnId }) => {
      refresh();
      go('turns', turnId, query);
    },
  });
  return (
    <>
      <div className="flex flex-wrap gap-2">
        <LinkButton href={linkTo('chat', trace.sessionId, { turn: trace.turnId })}>
          <MessageSquare aria-hidden className="size-3.5" />
          Open in chat
        </LinkButton>
        {isAdmin && (
          <LinkButton href={linkTo('logs', undefined, { turnId: trace.turnId })}>
            <ScrollText aria-hidden className="size-3.5" />
            Logs of this turn
          </LinkButton>
        )}
        {isOpen(trace) ? (
          <Button size="small" look="danger" disabled={cancel.isPending} onClick={() => cancel.mutate()}>
            <Ban aria-hidden className="size-3.5" />
            {cancel.isPending ? 'Cancelling…' : 'Cancel turn'}
          </Button>
        ) : (
          <Button size="small" disabled={retry.isPending} onClick={() => retry.mutate()}>
            <RotateCcw aria-hidden className="size-3.5" />
            {retry.isPending ? 'Answering again…' : 'Answer again'}
          </Button>
        )}
      </div>
      {(cancel.isError || retry.isError) && <Failure error={cancel.error ?? retry.error} />}
    </>
  );
}

function Facts({ trace }: { trace: Traced }) {
  const { query } = usePlace();
  const facts: [string, ReactNode][] = [
    ['Turn', <CopyId key="id" id={trace.turnId} short={false} />],
    ['Session', <CopyId key="id" id={trace.sessionId} short={false} />],
    ['Request', <CopyId key="id" id={trace.requestId} short={false} />],
    ['Asked by', trace.principal],
    ['Model', trace.model ?? (isOpen(trace) ? '–' : 'none, a fallback was given')],
    ['Tokens', `${formatCount(trace.usage.inputTokens)} in, ${formatCount(trace.usage.outputTokens)} out`],
    ['Accepted', formatWhen(trace.createdAt)],
    ['Ended', formatWhen(trace.completedAt)],
    ['Total', formatMs(trace.totalMs)],
    ['In the queue', formatMs(trace.queueMs)],
    ['First token', formatMs(trace.firstTokenMs)],
    ['Retries of model calls', isOpen(trace) ? '–' : String(retriesOf(trace))],
    ['Runs', trace.recoveries > 0 ? `${trace.attempt}, ${trace.recoveries} after a restart of the agent` : String(trace.attempt)],
  ];
  if (trace.reason) facts.splice(3, 0, ['Reason', reasonLabel(trace.reason)]);
  if (trace.retryOf) {
    const link = (
      <a href={linkTo('turns', trace.retryOf, query)} className="font-mono text-xs break-all text-accent underline">
        {trace.retryOf}
      </a>
    );
    facts.push(['Answers again', link]);
  }
  return (
    <dl className="grid grid-cols-1 gap-x-6 px-4 py-1 sm:grid-cols-[auto_1fr]">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="pt-2 text-muted sm:py-1.5">{name}</dt>
          <dd className="min-w-0 pb-1 break-all tabular sm:py-1.5">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
