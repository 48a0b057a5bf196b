import { X } from 'lucide-react';
import { Dialog } from 'radix-ui';
import type { ReactNode } from 'react';

/** Details at the right; on a small screen over everything. Escape and the cross close it. */
export function Drawer({ title, onClose, children }: { title: ReactNode; onClose: () => void; children: ReactNode }) {
  return (
    <Dialog.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/40" />
        <Dialog.Content
          aria-describedby={undefined}
          className="fixed inset-y-0 right-0 z-50 flex w-full max-w-2xl flex-col border-l border-line bg-ground shadow-2xl"
        >
          <header className="flex items-center justify-between gap-3 border-b border-line bg-panel px-4 py-3">
            <Dialog.Title className="min-w-0 truncate text-base font-semibold">{title}</Dialog.Title>
            <Dialog.Close aria-label="Close" className="rounded-md p-2 text-muted hover:bg-raised hover:text-text">
              <X aria-hidden className="size-4" />
            </Dialog.Close>
          </header>
          <div className="flex grow flex-col gap-4 overflow-y-auto p-4">{children}</div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
