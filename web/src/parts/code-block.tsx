import { memo } from 'react';
import { CopyButton } from './copy-button.tsx';

/** Code as it is, with a way to take it along. It scrolls, so the keyboard reaches it. */
export const CodeBlock = memo(function CodeBlock({ language, text }: { language: string; text: string }) {
  return (
    <div className="overflow-hidden rounded-lg border border-line bg-raised">
      <div className="flex h-8 items-center justify-between border-b border-line pr-1 pl-3 text-xs text-muted">
        <span>{language || 'text'}</span>
        <CopyButton text={text} what="code" />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it. */}
      <pre tabIndex={0} className="max-h-96 overflow-auto p-3 font-mono text-[0.8125rem] leading-relaxed">
        <code className="bg-transparent! p-0!">{text}</code>
      </pre>
    </div>
  );
});
