import { AppError } from '../base/errors.ts';

const malformed = new AppError('invalid_request', { sentence: 'The body is not valid JSON.' });
const tooDeep = new AppError('invalid_request', { sentence: 'The JSON is nested too deeply.' });
const reservedKey = new AppError('invalid_request', { sentence: 'The JSON has a key that is not allowed: __proto__.' });
const loneSurrogate = new AppError('invalid_request', { sentence: 'The JSON has a lone surrogate, which is not well-formed Unicode.' });

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Valid UTF-8 to a value, in linear time and without recursion. Throws AppError for anything but one JSON document that is shallow enough and
 * can be stored and given back as it is. A byte order mark is skipped (RFC 8259 8.1). Of a repeated key the last value counts.
 */
export function parseJson(bytes: Buffer, depthMax: number): unknown {
  if (isDeeper(bytes, depthMax)) throw tooDeep;
  let text = bytes.toString('utf8');
  if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // V8's message quotes the input, so it is dropped.
    throw malformed;
  }
  if (MAY_HIDE.test(text)) inspect(value);
  return value;
}

/** Only then can a parsed value hold a lone surrogate (UTF-8 cannot carry one unescaped) or a key `__proto__`. */
const MAY_HIDE = /\\u(?:d[89a-f]|005f)|__proto__/i;

function isDeeper(bytes: Buffer, depthMax: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > depthMax) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return false;
}

function inspect(root: unknown): void {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === 'string') {
      if (!value.isWellFormed()) throw loneSurrogate;
    } else if (Array.isArray(value)) {
      for (const item of value) open.push(item);
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        if (key === '__proto__') throw reservedKey;
        open.push(key, item);
      }
    }
  }
}
