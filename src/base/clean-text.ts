/** Most UTF-8 bytes of one logged string, mark of the cut included. */
const TEXT_BYTES_MAX = 2048;
const CUT = '…';

/** The everyday case, told by one look: printable ASCII. */
const PLAIN = /^[ -~]*$/;
/**
 * Cc: C0, DEL and C1 (terminal escapes, newlines). Cf: bidi controls, zero-width and tag characters. Cs: lone surrogates. Zl, Zp: the
 * separators that some readers take for a new line.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * Text that cannot forge a line, drive a terminal or hide: unsafe characters become visible escapes (`\u001b`), before JSON adds its own,
 * so that a reader who prints the parsed value is safe too. At most 2 KiB.
 */
export function cleanText(text: string): string {
  if (text.length <= TEXT_BYTES_MAX && PLAIN.test(text)) return text;
  // Cut before the costly part: a caller may hand in megabytes. Escapes only lengthen, so nothing that could stay is lost.
  return cut(text.slice(0, TEXT_BYTES_MAX + 1).replace(UNSAFE, escaped));
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  return code > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
}

function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= TEXT_BYTES_MAX) return text;
  let end = TEXT_BYTES_MAX - Buffer.byteLength(CUT);
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--; // never inside a character
  return bytes.toString('utf8', 0, end) + CUT;
}
