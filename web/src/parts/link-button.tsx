import type { ReactNode } from 'react';

/** Goes somewhere, and looks like the small button beside it. */
export function LinkButton({ href, children }: { href: string; children: ReactNode }) {
  return (
    <a
      href={href}
      className="inline-flex h-7 shrink-0 items-center justify-center gap-1.5 rounded-md border border-line bg-panel px-2.5 text-xs font-medium whitespace-nowrap transition-colors hover:bg-raised"
    >
      {children}
    </a>
  );
}
