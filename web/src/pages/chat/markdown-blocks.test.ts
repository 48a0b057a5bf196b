import { describe, expect, test } from 'vitest';
import { blocksOf, MARKDOWN_CHARS_MAX, safeAddress } from './markdown-blocks.ts';

const htmlOf = (text: string) =>
  blocksOf(text)
    .map((block) => ('html' in block ? block.html : block.text))
    .join('');
/** Names of the elements that the HTML would make. */
const elementsOf = (html: string) => [...html.matchAll(/<\s*([a-z][\w-]*)/gi)].map((match) => (match[1] ?? '').toLowerCase());
const ALLOWED = new Set([
  'p',
  'br',
  'a',
  'strong',
  'em',
  'del',
  'code',
  'pre',
  'ul',
  'ol',
  'li',
  'blockquote',
  'hr',
  'h3',
  'table',
  'thead',
  'tbody',
  'tr',
  'th',
  'td',
]);

const PAYLOADS = [
  '<script>alert(1)</script>',
  'text <img src=x onerror=alert(1)> text',
  '<svg/onload=alert(1)>',
  '<iframe src="https://evil.example"></iframe>',
  '<style>@import "https://evil.example/x.css";</style>',
  '<a href="javascript:alert(1)">x</a>',
  '<div\nonmouseover="alert(1)"\n>x</div>',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
  '<form action="https://evil.example"><button>x</button></form>',
  '![x](https://evil.example/pixel.png)',
  '![x](data:image/svg+xml;base64,PHN2Zz4=)',
  '[![x](https://evil.example/a.png)](https://ok.example)',
  '[x](javascript:alert(1))',
  '[x](JaVaScRiPt:alert(1))',
  '[x](java\tscript:alert(1))',
  '[x](&#106;avascript:alert(1))',
  '[x](data:text/html,<script>alert(1)</script>)',
  '[x](vbscript:msgbox(1))',
  '[x](file:///etc/passwd)',
  '[x](blob:https://a/b)',
  '[x](//evil.example/x)',
  '[x](/v1/logout)',
  '<javascript:alert(1)>',
  '[x]: javascript:alert(1)\n\n[x]',
  '[x](https://a.example/"onmouseover="alert(1))',
  '[x](https://a.example \'title" onmouseover="alert(1)\')',
  '`<img src=x onerror=alert(1)>`',
  '# <img src=x onerror=alert(1)>',
  '| <img src=x onerror=alert(1)> |\n| --- |\n| <script>1</script> |',
  '- [ ] <input autofocus onfocus=alert(1)>',
  '> <object data="x"></object>',
  '- a\n\n  ```\n  <script>alert(1)</script>\n  ```',
  '&lt;script&gt;alert(1)&lt;/script&gt;',
];

describe('Markdown of a model', () => {
  test.each(PAYLOADS)('makes only harmless elements and attributes: %s', (payload) => {
    const html = htmlOf(payload).replaceAll('<pre><code>', '');
    if (blocksOf(payload).every((block) => 'html' in block)) {
      expect(elementsOf(html).filter((name) => !ALLOWED.has(name))).toEqual([]);
    }
    for (const [, attributes = ''] of html.matchAll(/<[a-z]\w*\s+([^>]*)>/gi)) {
      expect(attributes).toMatch(
        /^(href="(https?:|mailto:)[^"<>]*" rel="noopener noreferrer" target="_blank"|align="(left|right|center)"|start="\d+")$/,
      );
    }
  });

  test('keeps what is meant: emphasis, lists, code with its language, links that open apart', () => {
    expect(blocksOf('**a** and `b`\n\n```ts\nconst a = 1 < 2;\n```\n')).toEqual([
      { kind: 'html', html: '<p><strong>a</strong> and <code>b</code></p>\n' },
      { kind: 'code', language: 'ts', text: 'const a = 1 < 2;' },
    ]);
    expect(htmlOf('[x](https://a.example/?a=1&b=2)')).toContain(
      '<a href="https://a.example/?a=1&amp;b=2" rel="noopener noreferrer" target="_blank">x</a>',
    );
    expect(htmlOf('mail me@a.example')).toContain('href="mailto:me@a.example"');
    expect(blocksOf('| a |\n| - |\n| 1 |')[0]?.kind).toBe('table');
  });

  test('says that there was an image, and never names its address', () => {
    expect(htmlOf('![a cat](https://evil.example/p.png?secret=1)')).toBe('<p>[image: a cat]</p>\n');
  });

  test('a code fence that is still open is code already', () => {
    expect(blocksOf('```js\nlet a')).toEqual([{ kind: 'code', language: 'js', text: 'let a' }]);
  });

  test('what is too long or nested too deep is shown as it is', () => {
    expect(blocksOf('a'.repeat(MARKDOWN_CHARS_MAX + 1))[0]?.kind).toBe('plain');
    const deep = '>'.repeat(50_000);
    expect(blocksOf(deep).map(({ kind }) => kind)).toEqual(['plain']);
  });

  test('addresses are web pages or mail, whole', () => {
    expect(safeAddress('https://a.example')).toBe('https://a.example/');
    for (const bad of ['a.example', '#x', '', 'javascript:1', ' javascript:1', 'ftp://a', 'https:'])
      expect(safeAddress(bad)).toBeUndefined();
  });
});
