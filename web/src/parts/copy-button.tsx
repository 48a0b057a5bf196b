import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';

const SHOWN_MS = 1_500;

/** Copies `text`; says so for a moment, also to those who cannot see it. `what` names it for them. */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [said, setSaid] = useState<'Copied' | 'Not copied'>();
  useEffect(() => {
    if (said === undefined) return;
    const timer = setTimeout(() => setSaid(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid('Copied');
    } catch {
      // Not a secure context, or not allowed: the text can still be selected.
      setSaid('Not copied');
    }
  };
  const Icon = said === 'Copied' ? Check : Copy;
  return (
    <button
      type="button"
      onClick={copy}
      className="relative inline-flex items-center gap-1 rounded px-1.5 py-1 text-xs text-muted hover:bg-panel hover:text-text"
    >
      <Icon aria-hidden className="size-3.5" />
      <span aria-live="polite">{said ?? 'Copy'}</span>
      <span className="sr-only"> {what}</span>
    </button>
  );
}
