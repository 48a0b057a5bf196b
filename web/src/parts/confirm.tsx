import type { ReactNode } from 'react';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';

interface ConfirmProps {
  title: string;
  /** What the button does, in a word or two. */
  act: string;
  onConfirm(): void;
  onClose(): void;
  children: ReactNode;
}

/** Asks before what cannot be undone. The way back comes first and has the focus. */
export function Confirm({ title, act, onConfirm, onClose, children }: ConfirmProps) {
  return (
    <Dialog label={title} onClose={onClose} className="m-auto w-[min(28rem,calc(100vw-2rem))] rounded-xl bg-panel">
      <div className="flex flex-col gap-3 p-5">
        <h2 className="text-base font-semibold break-words">{title}</h2>
        <p className="text-muted">{children}</p>
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Keep it</Button>
          <Button look="danger" onClick={onConfirm}>
            {act}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
