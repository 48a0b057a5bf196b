import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import { shortId } from '../lib/format.ts';

const SHOWN_MS = 1_500;

/** An id one can read, and copy whole. */
export function CopyId({ id, short = true }: { id: string; short?: boolean }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(id);
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  return (
    <span className="inline-flex items-center gap-1 font-mono text-xs">
      <span title={id}>{short ? shortId(id) : id}</span>
      <button
        type="button"
        onClick={copy}
        aria-label={copied ? 'Copied' : `Copy ${id}`}
        className="rounded p-1 text-muted hover:bg-raised hover:text-text"
      >
        {copied ? <Check aria-hidden className="size-3" /> : <Copy aria-hidden className="size-3" />}
      </button>
    </span>
  );
}
