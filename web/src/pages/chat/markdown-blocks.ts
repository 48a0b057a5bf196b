// Markdown of a model as blocks of HTML that can neither run nor load anything. No document is needed: what is unsafe is never written.
// The page passes every block through DOMPurify as well.
import { Marked, type Tokens } from 'marked';

export type Block =
  | { kind: 'code'; language: string; text: string }
  | { kind: 'plain'; text: string }
  | { kind: 'table' | 'html'; html: string };

/** Beyond it a text is shown as it is: laying it out would cost more than it gives. */
export const MARKDOWN_CHARS_MAX = 200_000;
/** Quotes and lists inside each other cost the parser the square of their depth; nobody means more. */
const TOO_DEEP = /^(?:[ \t]*(?:>|[-*+][ \t]|\d{1,9}[.)][ \t])){20}/m;
const LINK_SCHEMES = new Set(['http:', 'https:', 'mailto:']);
const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);

/** The address as a browser will read it, undefined for whatever is not a web page or a mail address. */
export function safeAddress(href: string): string | undefined {
  const url = URL.canParse(href) ? new URL(href) : undefined;
  return url && LINK_SCHEMES.has(url.protocol) ? url.href : undefined;
}

const reader = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => escapeHtml(text),
    image: ({ text }) => `[${escapeHtml(text === '' ? 'image' : `image: ${text}`)}]`,
    link({ href, tokens }) {
      const inner = this.parser.parseInline(tokens);
      const address = safeAddress(href);
      return address === undefined ? inner : `<a href="${escapeHtml(address)}" rel="noopener noreferrer" target="_blank">${inner}</a>`;
    },
    // One level, whatever the model says, so that the headings of the page stay in order.
    heading({ tokens }) {
      return `<h3>${this.parser.parseInline(tokens)}</h3>`;
    },
    code: ({ text }) => `<pre><code>${escapeHtml(text)}</code></pre>`,
    checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
  },
});

/** Top-level blocks, each independent of the others, so that while text streams in only the last one changes. */
export function blocksOf(text: string): Block[] {
  if (text.length > MARKDOWN_CHARS_MAX || TOO_DEEP.test(text)) return [{ kind: 'plain', text }];
  try {
    return reader.lexer(text).flatMap((token): Block[] => {
      if (token.type === 'space' || token.type === 'def') return [];
      if (token.type === 'code') {
        const { lang = '', text: code } = token as Tokens.Code;
        return [{ kind: 'code', language: /^[\w+#.-]{1,20}/.exec(lang)?.[0] ?? '', text: code }];
      }
      return [{ kind: token.type === 'table' ? 'table' : 'html', html: reader.parser([token]) }];
    });
  } catch {
    // Whatever the parser makes of it: shown as it is.
    return [{ kind: 'plain', text }];
  }
}
