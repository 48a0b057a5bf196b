import { ArrowUp, Square } from 'lucide-react';
import { type KeyboardEvent, type RefObject, useEffect, useRef, useState } from 'react';

/** The contract's limit of a message. */
const CHARS_MAX = 262_144;
const HEIGHT_MAX_PX = 200;

interface ComposerProps {
  /** Something is being answered: it can be stopped, and what is sent waits. */
  isBusy: boolean;
  isDisabled?: boolean;
  send(text: string): void;
  stop(): void;
}

export function Composer({ isBusy, isDisabled = false, send, stop }: ComposerProps) {
  const [text, setText] = useState('');
  const field = useRef<HTMLTextAreaElement>(null);
  useHeight(field, text);
  const submit = () => {
    if (text.trim() === '' || isDisabled) return;
    send(text);
    setText('');
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While letters are being composed (Japanese, Chinese) Enter belongs to the keyboard.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    submit();
  };
  const round = 'flex size-9 shrink-0 items-center justify-center rounded-full disabled:opacity-40';
  return (
    <form
      className="mx-auto w-full max-w-3xl shrink-0 px-4 pb-3"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div className="flex items-end gap-2 rounded-2xl border border-line-strong/60 bg-panel p-2 pl-4 focus-within:border-accent">
        <textarea
          ref={field}
          rows={1}
          value={text}
          maxLength={CHARS_MAX}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
          aria-label="Message"
          aria-describedby="composer-hint"
          placeholder={isBusy ? 'Message (waits for the one before it)' : 'Message the agent'}
          className="max-h-50 min-w-0 grow resize-none bg-transparent py-1.5 text-base leading-6 outline-none placeholder:text-muted md:text-sm md:leading-6"
        />
        {isBusy && (
          <button
            type="button"
            onClick={stop}
            aria-label="Stop"
            title="Stop"
            className={`${round} border border-line-strong text-text hover:bg-raised`}
          >
            <Square aria-hidden className="size-3.5 fill-current" />
          </button>
        )}
        <button
          type="submit"
          aria-label="Send"
          title="Send"
          disabled={text.trim() === '' || isDisabled}
          className={`${round} bg-accent text-on-accent`}
        >
          <ArrowUp aria-hidden className="size-4" />
        </button>
      </div>
      <p id="composer-hint" className="hidden px-4 pt-1.5 text-xs text-muted md:block">
        Enter sends, Shift + Enter makes a new line.
      </p>
    </form>
  );
}

/** As high as its text, to a limit. */
function useHeight(field: RefObject<HTMLTextAreaElement | null>, text: string): void {
  useEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = 'auto';
    if (text !== '') element.style.height = `${Math.min(HEIGHT_MAX_PX, element.scrollHeight)}px`;
  }, [field, text]);
}
