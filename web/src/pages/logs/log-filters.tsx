import { X } from 'lucide-react';
import { useEffect, useState } from 'react';
import { shortId } from '../../lib/format.ts';
import { narrow } from '../../lib/router.ts';
import { TextField } from '../../parts/field.tsx';
import type { LogFilters } from './use-log-tail.ts';

const TYPED_MS = 300;
const LEVELS = [
  [undefined, 'All'],
  ['info', 'Info'],
  ['warn', 'Warnings'],
  ['error', 'Errors'],
] as const;
const PIVOTS = [
  ['sessionId', 'Session'],
  ['turnId', 'Turn'],
  ['requestId', 'Request'],
  ['event', 'Event'],
] as const;

/** What is shown, kept in the address. A level stands for itself and those above it. */
export function LogFilterBar({ filters }: { filters: LogFilters }) {
  const chosen = PIVOTS.filter(([name]) => filters[name] !== undefined);
  return (
    <div className="flex flex-wrap items-center gap-2">
      <fieldset className="flex rounded-md border border-line bg-panel p-0.5">
        <legend className="sr-only">Level</legend>
        {LEVELS.map(([level, label]) => (
          <button
            key={label}
            type="button"
            aria-pressed={filters.level === level}
            onClick={() => narrow({ level })}
            className="h-7 rounded px-2.5 text-xs font-medium text-muted hover:text-text aria-pressed:bg-accent-soft aria-pressed:text-accent"
          >
            {label}
          </button>
        ))}
      </fieldset>
      <TextFilter text={filters.text ?? ''} />
      {chosen.map(([name, label]) => (
        <span
          key={name}
          className="inline-flex h-7 items-center gap-1 rounded-full bg-accent-soft pr-1 pl-3 text-xs font-medium text-accent"
        >
          {label} <span className="font-mono">{shortId(filters[name] ?? '')}</span>
          <button
            type="button"
            aria-label={`Show every ${label.toLowerCase()} again`}
            onClick={() => narrow({ [name]: undefined })}
            className="rounded-full p-1 hover:bg-panel"
          >
            <X aria-hidden className="size-3" />
          </button>
        </span>
      ))}
    </div>
  );
}

function TextFilter({ text }: { text: string }) {
  const [typed, setTyped] = useState(text);
  const [before, setBefore] = useState(text);
  // The address changed by another way than this field.
  if (before !== text) {
    setBefore(text);
    setTyped(text);
  }
  useEffect(() => {
    if (typed === text) return;
    const timer = setTimeout(() => narrow({ text: typed || undefined }), TYPED_MS);
    return () => clearTimeout(timer);
  }, [typed, text]);
  return (
    <TextField
      label="Lines that contain"
      type="search"
      placeholder="Lines that contain…"
      maxLength={200}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
      className="min-w-0 grow md:max-w-72"
    />
  );
}
