import { type ReactNode, useLayoutEffect, useRef } from 'react';

interface DialogProps {
  /** What it is, for those who cannot see it. */
  label: string;
  onClose(): void;
  className: string;
  children: ReactNode;
}

/** The browser's own modal: it keeps the focus inside, closes on Escape, and needs no styles of a script, which our policy forbids. */
export function Dialog({ label, onClose, className, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    // Closing, not only going away, gives the focus back to where it was.
    return () => shown?.close();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it as well; the click is one on the backdrop.
    <dialog
      ref={dialog}
      aria-label={label}
      onClose={() => !dialog.current?.open && onClose()}
      onClick={(event) => event.target === dialog.current && onClose()}
      className={`m-0 max-h-none max-w-none border border-line bg-ground p-0 text-text shadow-2xl backdrop:bg-black/40 ${className}`}
    >
      {children}
    </dialog>
  );
}
