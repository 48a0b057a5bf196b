import { ArrowDown } from 'lucide-react';
import { memo, type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { formatWhen } from '../../lib/format.ts';
import { Button } from '../../parts/button.tsx';
import { AnswerView } from './answer-view.tsx';
import { type Exchange, isOpen, isWorthRetry } from './exchanges.ts';
import type { LiveTurn } from './live-turn.ts';
import type { Conversation } from './use-conversation.ts';
import type { Outbox, Unsent } from './use-outbox.ts';

/** What is drawn at first, and with each step back. */
const DRAWN = 30;
const NEAR_END_PX = 80;

interface TranscriptProps {
  conversation: Conversation;
  outbox: Outbox;
  retry(turnId: string): void;
  drop(turnId: string): void;
}

export function Transcript({ conversation: { exchanges, live }, outbox, retry, drop }: TranscriptProps) {
  const [drawn, setDrawn] = useState(DRAWN);
  const box = useRef<HTMLElement>(null);
  const { isAtEnd, toEnd, keepPlace } = useEnd(box);
  const shown = exchanges.slice(-drawn);
  const isBusy = live !== undefined && !live.end;
  return (
    <div className="relative min-h-0 grow">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it. */}
      <section ref={box} aria-label="Transcript" tabIndex={0} className="relative h-full overflow-y-auto -outline-offset-2">
        <div className="mx-auto flex max-w-3xl flex-col gap-8 px-4 py-6">
          {exchanges.length > drawn && (
            <Button
              size="small"
              className="self-center"
              onClick={() => {
                keepPlace();
                setDrawn(drawn + DRAWN);
              }}
            >
              Show earlier ({exchanges.length - drawn})
            </Button>
          )}
          {shown.map((exchange) => (
            <ExchangeView key={exchange.turnId} exchange={exchange} live={liveOf(exchange, live)} retry={retry} drop={drop} />
          ))}
          {outbox.unsent.map((one) => (
            <UnsentView key={one.key} one={one} outbox={outbox} />
          ))}
        </div>
      </section>
      {!isAtEnd && (
        <Button size="small" onClick={toEnd} className="absolute bottom-3 left-1/2 -translate-x-1/2 rounded-full! shadow-md">
          <ArrowDown aria-hidden className="size-3.5" />
          To the end
        </Button>
      )}
      <p role="status" className="sr-only">
        {isBusy ? 'The agent is answering' : ''}
      </p>
    </div>
  );
}

/** Only the exchange it belongs to is drawn anew while text comes in. */
const liveOf = (exchange: Exchange, live: LiveTurn | undefined): LiveTurn | undefined =>
  exchange.answers.some(({ turnId }) => turnId === live?.turnId) ? live : undefined;

/** Stays at the end while one is there, as text comes in and as pictures of the page change; elsewhere it never moves. */
function useEnd(box: RefObject<HTMLElement | null>): { isAtEnd: boolean; toEnd(): void; keepPlace(): void } {
  const [isAtEnd, setAtEnd] = useState(true);
  const follows = useRef(true);
  const heightBefore = useRef<number>(undefined);
  useEffect(() => {
    const element = box.current;
    const content = element?.firstElementChild;
    if (!element || !content) return;
    const onScroll = () => {
      follows.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
      setAtEnd(follows.current);
    };
    const sized = new ResizeObserver(() => {
      if (follows.current) element.scrollTop = element.scrollHeight;
    });
    sized.observe(content);
    sized.observe(element);
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      sized.disconnect();
      element.removeEventListener('scroll', onScroll);
    };
  }, [box]);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element || heightBefore.current === undefined) return;
    element.scrollTop += element.scrollHeight - heightBefore.current;
    heightBefore.current = undefined;
  });
  return {
    isAtEnd,
    toEnd: () => box.current?.scrollTo({ top: box.current.scrollHeight }),
    keepPlace() {
      follows.current = false;
      heightBefore.current = box.current?.scrollHeight;
    },
  };
}

interface ExchangeProps {
  exchange: Exchange;
  live: LiveTurn | undefined;
  retry(turnId: string): void;
  drop(turnId: string): void;
}

const ExchangeView = memo(function ExchangeView({ exchange: { question, answers }, live, retry, drop }: ExchangeProps) {
  const isAnyOpen = answers.some(({ turn }) => isOpen(turn));
  return (
    <article className="flex flex-col gap-4" aria-label={question ? `Message of ${formatWhen(question.createdAt)}` : 'Message'}>
      {question && <Bubble text={question.text} foot={formatWhen(question.createdAt)} />}
      {answers.map((answer, index) => {
        const isLast = index === answers.length - 1;
        const canRetry = isLast && !isAnyOpen && !live && isWorthRetry(answer);
        return (
          <div key={answer.turnId} className="flex min-w-0 flex-col gap-2">
            {index > 0 && <p className="text-xs font-medium text-muted">Attempt {index + 1}</p>}
            <AnswerView
              answer={answer}
              live={live}
              retry={canRetry ? () => retry(answer.turnId) : undefined}
              drop={() => drop(answer.turnId)}
            />
          </div>
        );
      })}
    </article>
  );
});

function Bubble({ text, foot }: { text: string; foot: string }) {
  return (
    <div className="flex max-w-[85%] flex-col items-end gap-1 self-end">
      <p className="rounded-2xl rounded-br-md bg-accent-soft px-4 py-2.5 wrap-anywhere whitespace-pre-wrap">{text}</p>
      <span className="px-1 text-xs text-muted tabular">{foot}</span>
    </div>
  );
}

function UnsentView({ one, outbox }: { one: Unsent; outbox: Outbox }) {
  return (
    <div className="flex flex-col items-end gap-2">
      <Bubble text={one.text} foot={one.failure === undefined ? 'Sending…' : 'Not sent'} />
      {one.failure !== undefined && (
        <div role="alert" className="flex flex-wrap items-center justify-end gap-2">
          <span className="text-xs text-bad">{one.failure instanceof Error ? one.failure.message : 'It could not be sent.'}</span>
          <Button size="small" onClick={() => outbox.again(one.key)}>
            Send again
          </Button>
          <Button size="small" look="ghost" onClick={() => outbox.discard(one.key)}>
            Discard
          </Button>
        </div>
      )}
    </div>
  );
}
