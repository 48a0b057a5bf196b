import DOMPurify from 'dompurify';
import { memo, useLayoutEffect, useMemo, useRef } from 'react';
import { CodeBlock } from '../../parts/code-block.tsx';
import { blocksOf } from './markdown-blocks.ts';
import './markdown.css';

const TAGS = 'p br a strong em del code pre ul ol li blockquote hr h3 table thead tbody tr th td'.split(' ');
const ATTRIBUTES = ['href', 'rel', 'target', 'align', 'start'];

/** The second look: whatever the first one let pass, nothing but these elements is made of it. */
const clean = (html: string): DocumentFragment =>
  DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    // No addresses, so not held against the pattern above.
    ADD_URI_SAFE_ATTR: ['rel', 'target', 'align', 'start'],
    RETURN_DOM_FRAGMENT: true,
  });

const HtmlBlock = memo(function HtmlBlock({ html, isTable }: { html: string; isTable: boolean }) {
  const box = useRef<HTMLElement & HTMLDivElement>(null);
  useLayoutEffect(() => box.current?.replaceChildren(clean(html)), [html]);
  if (!isTable) return <div ref={box} />;
  // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it.
  return <section ref={box} aria-label="Table" tabIndex={0} className="overflow-x-auto" />;
});

/** What a model wrote. It can neither run nor load anything. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => blocksOf(text), [text]);
  return (
    <div className="markdown">
      {blocks.map((block, index) => {
        const key = `${index}.${block.kind}`;
        if (block.kind === 'code') return <CodeBlock key={key} language={block.language} text={block.text} />;
        if (block.kind === 'plain') {
          return (
            <p key={key} className="whitespace-pre-wrap">
              {block.text}
            </p>
          );
        }
        return <HtmlBlock key={key} html={block.html} isTable={block.kind === 'table'} />;
      })}
    </div>
  );
});
