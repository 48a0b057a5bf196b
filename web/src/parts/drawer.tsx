import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { Dialog } from './dialog.tsx';

/** Details at the right; on a small screen over everything. Escape, the cross and a click beside it close it. */
export function Drawer({
  title,
  aside,
  onClose,
  children,
}: {
  title: string;
  aside?: ReactNode;
  onClose: () => void;
  children: ReactNode;
}) {
  return (
    <Dialog label={title} onClose={onClose} className="ml-auto h-dvh w-full md:w-2xl">
      <div className="flex h-full flex-col">
        <header className="flex items-center gap-3 border-b border-line bg-panel px-4 py-3">
          <h2 className="min-w-0 grow truncate text-base font-semibold">{title}</h2>
          {aside}
          <button type="button" onClick={onClose} aria-label="Close" className="rounded-md p-2 text-muted hover:bg-raised hover:text-text">
            <X aria-hidden className="size-4" />
          </button>
        </header>
        <div className="flex min-h-0 grow flex-col gap-4 overflow-y-auto p-4">{children}</div>
      </div>
    </Dialog>
  );
}
