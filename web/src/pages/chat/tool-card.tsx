import { ChevronRight, Wrench } from 'lucide-react';
import type { Json } from '../../../../src/contract/message.ts';
import { formatMs } from '../../lib/format.ts';
import { Chip, type Tone } from '../../parts/chip.tsx';
import { CodeBlock } from '../../parts/code-block.tsx';

export interface ToolUse {
  name: string;
  outcome: 'ok' | 'error' | 'unknown' | undefined;
  ms: number | undefined;
  args?: Json | undefined;
  value?: Json | undefined;
}

const TONES: Record<string, Tone> = { ok: 'ok', error: 'bad', unknown: 'warn' };
const written = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

/** A tool the model asked for. What went in and came out is there once it is stored. */
export function ToolCard({ name, outcome, ms, args, value }: ToolUse) {
  const head = (
    <>
      <Wrench aria-hidden className="size-3.5 shrink-0 text-muted" />
      <span className="min-w-0 truncate font-mono text-xs">{name}</span>
      <span className="grow" />
      {ms !== undefined && <span className="text-xs text-muted tabular">{formatMs(ms)}</span>}
      <Chip tone={TONES[outcome ?? ''] ?? 'accent'} dot>
        {outcome ?? 'running'}
      </Chip>
    </>
  );
  if (args === undefined && value === undefined) {
    return <div className="flex items-center gap-2 rounded-lg border border-line px-3 py-2 pl-8">{head}</div>;
  }
  return (
    <details className="group rounded-lg border border-line">
      <summary className="flex items-center gap-2 rounded-lg px-3 py-2 hover:bg-raised [&::-webkit-details-marker]:hidden">
        <ChevronRight aria-hidden className="size-3.5 shrink-0 text-muted transition-transform group-open:rotate-90" />
        {head}
      </summary>
      <div className="flex flex-col gap-3 border-t border-line p-3">
        {args !== undefined && <CodeBlock language="arguments" text={written(args)} />}
        {value !== undefined && <CodeBlock language="result" text={written(value)} />}
      </div>
    </details>
  );
}
