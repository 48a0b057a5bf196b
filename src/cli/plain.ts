// Text of others (replies, titles, log lines) made safe to print: nothing in it may move the cursor, set colours, ring, or turn the reading direction.

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const visible = (character: string): string => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;

export interface PlainOptions {
  /** On a terminal also the marks that turn the reading direction become visible; in a pipe right-to-left text stays as it is. */
  terminal: boolean;
}

/** Line breaks and tabs stay; a CRLF becomes a line break; everything else that steers a terminal is written out (`\u001b`). */
export function plain(text: string, { terminal }: PlainOptions): string {
  const safe = text.replaceAll('\r\n', '\n').replaceAll(CONTROL, visible);
  return terminal ? safe.replaceAll(BIDI, visible) : safe;
}

/** The same on one line, at most `charsMax` characters. */
export function plainLine(text: string, options: PlainOptions, charsMax = Number.POSITIVE_INFINITY): string {
  const line = plain(text.replaceAll(/\s*\n\s*/g, ' '), options).replaceAll('\t', ' ');
  const characters = line.length > charsMax ? Array.from(line) : [];
  return characters.length > charsMax ? `${characters.slice(0, Math.max(0, charsMax - 1)).join('')}…` : line;
}

/** For text that comes in pieces: what may still become one character or one line break with the next piece is held back. */
export function createPlainStream(options: PlainOptions): { push(text: string): string; end(): string } {
  let held = '';
  return {
    push(text) {
      const whole = held + text;
      const isOpen = /[\ud800-\udbff\r]$/.test(whole);
      held = isOpen ? whole.slice(-1) : '';
      return plain(isOpen ? whole.slice(0, -1) : whole, options);
    },
    end() {
      const rest = plain(held, options);
      held = '';
      return rest;
    },
  };
}
