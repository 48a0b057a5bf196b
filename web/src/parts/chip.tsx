import type { ReactNode } from 'react';

export type Tone = 'ok' | 'warn' | 'bad' | 'quiet' | 'accent';

const TONES: Record<Tone, string> = {
  ok: 'bg-ok-soft text-ok',
  warn: 'bg-warn-soft text-warn',
  bad: 'bg-bad-soft text-bad',
  quiet: 'bg-quiet-soft text-quiet',
  accent: 'bg-accent-soft text-accent',
};

/** A word with a colour; the word alone says all. */
export function Chip({ tone, dot, children, title }: { tone: Tone; dot?: boolean; children: ReactNode; title?: string }) {
  return (
    <span
      title={title}
      className={`inline-flex items-center gap-1.5 rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap ${TONES[tone]}`}
    >
      {dot && <span aria-hidden className="size-1.5 rounded-full bg-current" />}
      {children}
    </span>
  );
}

const TURN_TONES: Record<string, Tone> = {
  completed: 'ok',
  degraded: 'warn',
  failed: 'bad',
  cancelled: 'quiet',
  queued: 'accent',
  running: 'accent',
};

/** A turn's state, the same everywhere. */
export function TurnChip({ status }: { status: string }) {
  return (
    <Chip tone={TURN_TONES[status] ?? 'quiet'} dot>
      {status}
    </Chip>
  );
}
