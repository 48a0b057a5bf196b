import { useQuery } from '@tanstack/react-query';
import { Activity, RotateCcw, TriangleAlert } from 'lucide-react';
import { Fragment } from 'react';
import type { MessageView, ResultPart } from '../../../../src/contract/message.ts';
import { api } from '../../lib/api.ts';
import { linkTo } from '../../lib/router.ts';
import { Button } from '../../parts/button.tsx';
import { Chip } from '../../parts/chip.tsx';
import { CopyButton } from '../../parts/copy-button.tsx';
import { type Answer, isOpen } from './exchanges.ts';
import { type LiveTurn, livePieces } from './live-turn.ts';
import { Markdown } from './markdown.tsx';
import { ToolCard } from './tool-card.tsx';

interface AnswerProps {
  answer: Answer;
  live: LiveTurn | undefined;
  /** Absent where another attempt makes no sense. */
  retry?: (() => void) | undefined;
  drop(): void;
}

/** One attempt at an answer: as it comes, or as it is stored. */
export function AnswerView({ answer, live, retry, drop }: AnswerProps) {
  const { turn, steps } = answer;
  const isLive = live?.turnId === answer.turnId;
  if (isLive && (steps.length === 0 || !live.end)) return <LiveAnswer live={live} isQueued={turn?.status === 'queued'} />;
  if (isOpen(turn)) return <Waiting drop={drop} />;
  const isDegraded = turn?.degraded ?? steps.some(({ role }) => role === 'fallback');
  return (
    <div className="flex min-w-0 flex-col gap-3">
      <Stored turnId={answer.turnId} steps={steps} />
      {isDegraded && <Degraded notice={turn?.notice} retry={retry} />}
      {turn?.status === 'failed' && <Ended word="Failed" tone="bad" reason={turn.reason} retry={retry} />}
      {turn?.status === 'cancelled' && <Ended word="Stopped" tone="quiet" reason={turn.reason} retry={retry} />}
      <Foot answer={answer} />
    </div>
  );
}

function LiveAnswer({ live, isQueued }: { live: LiveTurn; isQueued: boolean }) {
  const pieces = livePieces(live);
  const isThinking = !live.end && pieces.at(-1)?.kind !== 'text';
  return (
    <div className="flex min-w-0 flex-col gap-3" aria-busy={!live.end}>
      {pieces.map((piece, index) =>
        piece.kind === 'text' ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces are only ever added at the end.
          <Markdown key={index} text={piece.text} />
        ) : (
          <ToolCard key={piece.tool.callId} name={piece.tool.name} outcome={piece.tool.outcome} ms={piece.tool.ms} />
        ),
      )}
      {live.isCutOff ? (
        <p className="flex items-center gap-2 text-xs text-warn">
          <TriangleAlert aria-hidden className="size-3.5" />
          Connection lost — reconnecting. Nothing of the answer gets lost.
        </p>
      ) : (
        isThinking && <Dots label={isQueued ? 'Waiting' : 'The agent is working'} />
      )}
    </div>
  );
}

function Dots({ label }: { label: string }) {
  return (
    <p className="flex h-6 items-center gap-2 text-xs text-muted">
      <span aria-hidden className="flex gap-1">
        <span className="size-1.5 animate-pulse rounded-full bg-accent" />
        <span className="size-1.5 animate-pulse rounded-full bg-accent [animation-delay:200ms]" />
        <span className="size-1.5 animate-pulse rounded-full bg-accent [animation-delay:400ms]" />
      </span>
      {label}
    </p>
  );
}

function Waiting({ drop }: { drop(): void }) {
  return (
    <div className="flex items-center gap-2">
      <Chip tone="accent" dot>
        queued
      </Chip>
      <span className="text-xs text-muted">Stored. Answered after the one before it.</span>
      <Button size="small" look="ghost" onClick={drop}>
        Cancel
      </Button>
    </div>
  );
}

function Stored({ turnId, steps }: { turnId: string; steps: readonly MessageView[] }) {
  const results = new Map<string, ResultPart>();
  for (const { parts } of steps) for (const part of parts) if (part.type === 'result') results.set(part.callId, part);
  const trace = useQuery({
    queryKey: ['trace', turnId],
    queryFn: () => api.traceTurn({ id: turnId }),
    enabled: results.size > 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const msOf = (callId: string) => trace.data?.steps.find((step) => step.kind === 'tool' && step.callId === callId)?.ms;
  return steps.map(({ id, role, parts }) => {
    if (role === 'tool') return null;
    return (
      <Fragment key={id}>
        {parts.map((part, index) => {
          if (part.type === 'text' && part.text !== '') {
            // biome-ignore lint/suspicious/noArrayIndexKey: what is stored does not change.
            return role === 'fallback' ? <FallbackText key={index} text={part.text} /> : <Markdown key={index} text={part.text} />;
          }
          if (part.type !== 'call') return null;
          const result = results.get(part.callId);
          const outcome = result?.outcome ?? 'unknown';
          return (
            <ToolCard key={part.callId} name={part.name} outcome={outcome} ms={msOf(part.callId)} args={part.args} value={result?.value} />
          );
        })}
      </Fragment>
    );
  });
}

const FallbackText = ({ text }: { text: string }) => <p className="border-l-3 border-warn pl-3 text-text">{text}</p>;

function Degraded({ notice, retry }: { notice?: string | undefined; retry?: (() => void) | undefined }) {
  return (
    <div className="flex flex-wrap items-center gap-2">
      <Chip tone="warn" dot>
        Degraded reply
      </Chip>
      {notice && <p className="text-xs text-muted">{notice}</p>}
      {retry && <Retry retry={retry} />}
    </div>
  );
}

interface EndedProps {
  word: string;
  tone: 'bad' | 'quiet';
  reason: string | undefined;
  retry?: (() => void) | undefined;
}

function Ended({ word, tone, reason, retry }: EndedProps) {
  return (
    <div className="flex flex-wrap items-center gap-2">
      <Chip tone={tone} dot>
        {word}
      </Chip>
      {reason && reason !== 'caller' && <span className="text-xs text-muted">{reason.replaceAll('_', ' ')}</span>}
      {retry && <Retry retry={retry} />}
    </div>
  );
}

function Retry({ retry }: { retry: () => void }) {
  return (
    <Button size="small" onClick={retry}>
      <RotateCcw aria-hidden className="size-3.5" />
      Retry
    </Button>
  );
}

function Foot({ answer: { turnId, turn, steps } }: { answer: Answer }) {
  const text = steps
    .map((step) => step.text)
    .filter(Boolean)
    .join('\n\n');
  const model = turn?.model ?? steps.at(-1)?.model;
  return (
    <div className="-ml-1.5 flex flex-wrap items-center gap-1 text-xs text-muted">
      {text !== '' && <CopyButton text={text} what="answer" />}
      <a href={linkTo('turns', turnId)} className="inline-flex items-center gap-1 rounded px-1.5 py-1 hover:bg-raised hover:text-text">
        <Activity aria-hidden className="size-3.5" />
        Trace
      </a>
      {model && <span className="px-1.5">{model}</span>}
    </div>
  );
}
