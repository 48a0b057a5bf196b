import type { TurnTrace } from '../../../../src/contract/turn-trace.ts';
import { formatMs } from '../../lib/format.ts';
import { Chip, type Tone } from '../../parts/chip.tsx';
import { type Span, type SpanKind, timelineOf } from './spans.ts';

const BARS: Record<SpanKind, string> = {
  queue: 'bg-quiet/60',
  model: 'bg-accent/35',
  attempt: 'bg-accent',
  tool: 'bg-ok',
  commit: 'bg-quiet',
};
const LEAST_PERCENT = 0.6;

const toneOf = (code: string): Tone => (code === 'ok' ? 'ok' : code === 'unknown' || code === 'cancelled' ? 'warn' : 'bad');
function barOf({ kind, code }: Span): string {
  if (code === undefined || code === 'ok') return BARS[kind];
  return toneOf(code) === 'warn' ? 'bg-warn' : 'bg-bad';
}

/** Request, queue, model attempts, tools, commit: one row each, with its bar on the turn's time line. */
export function Waterfall({ trace }: { trace: TurnTrace }) {
  const { spans, totalMs, firstTokenMs } = timelineOf(trace);
  const percent = (ms: number) => (totalMs > 0 ? Math.min(100, (ms / totalMs) * 100) : 0);
  return (
    <div className="p-4">
      <div aria-hidden className="mb-1 flex justify-between text-xs text-muted tabular sm:ml-[calc(11rem+0.75rem)] sm:mr-19">
        <span>0</span>
        <span>{formatMs(totalMs / 2)}</span>
        <span>{formatMs(totalMs)}</span>
      </div>
      <ol className="flex flex-col">
        {spans.map((span, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a turn are in a fixed order and have no ids.
          <Row key={index} span={span} percent={percent} />
        ))}
      </ol>
      {firstTokenMs !== null && <p className="border-t border-line pt-2 text-xs text-muted">First token after {formatMs(firstTokenMs)}.</p>}
    </div>
  );
}

function Row({ span, percent }: { span: Span; percent(ms: number): number }) {
  return (
    <li className="grid grid-cols-[1fr_auto] items-center gap-x-3 gap-y-1 border-t border-line py-2 sm:grid-cols-[11rem_1fr_4rem]">
      <span className={`flex min-w-0 flex-wrap items-center gap-x-2 gap-y-0.5 ${span.kind === 'attempt' ? 'pl-4' : ''}`}>
        <span className={`max-w-full truncate ${span.kind === 'attempt' ? 'font-mono text-xs' : 'font-medium'}`} title={span.label}>
          {span.label}
        </span>
        {span.code && <Chip tone={toneOf(span.code)}>{span.code}</Chip>}
        {span.note && <span className="text-xs text-muted">{span.note}</span>}
      </span>
      <span aria-hidden className="col-span-2 row-start-2 h-2.5 rounded-full bg-raised sm:col-span-1 sm:col-start-2 sm:row-start-1">
        <span
          className={`block h-full min-w-1 rounded-full ${barOf(span)}`}
          style={{
            marginLeft: `${Math.min(percent(span.startMs), 100 - LEAST_PERCENT)}%`,
            width: `${Math.max(LEAST_PERCENT, percent(span.ms))}%`,
          }}
        />
      </span>
      <span className="text-right text-xs tabular sm:col-start-3">{formatMs(span.ms)}</span>
    </li>
  );
}
