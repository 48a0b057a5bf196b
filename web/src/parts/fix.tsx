import { CopyText } from './copy-text.tsx';

/** What to do: a command that can be run as it stands, often with words behind a `#`. */
export function Fix({ text }: { text: string }) {
  return (
    <div className="flex items-start gap-2 rounded-md bg-raised py-1 pr-1 pl-3">
      <code className="min-w-0 grow py-0.5 font-mono text-xs break-words">{text}</code>
      <CopyText text={text} label="Copy the fix" />
    </div>
  );
}
