// Event-stream parser over bytes (WHATWG HTML, "Server-sent events"): `data` fields only, lines end with LF or CRLF.
import { isUtf8 } from 'node:buffer';

export type SseFault = 'sse_line_too_long' | 'invalid_utf8';

export interface SseParser {
  /** Hands each complete event to `onData`, in order. After a fault the parser must not be used again. An event without its blank line is never handed out. */
  push(chunk: Buffer): SseFault | undefined;
}

const LF = 10;
const CR = 13;
const SPACE = 32;
const DATA = Buffer.from('data:');

/**
 * Lines are decoded whole, so a character split over two chunks needs no decoder state, and bytes that are no UTF-8 are refused instead of replaced.
 * `onData` returns false to stop: the rest of the chunk is then dropped.
 */
export function createSseParser(lineBytesMax: number, onData: (data: string) => boolean): SseParser {
  /** The beginning of a line whose end has not come, and the data lines of an event whose blank line has not come. */
  let held: Buffer[] = [];
  let heldBytes = 0;
  let data: string | undefined;

  function take(line: Buffer): SseFault | 'stop' | undefined {
    const end = line.length > 0 && line[line.length - 1] === CR ? line.length - 1 : line.length;
    if (end === 0) {
      const whole = data;
      data = undefined;
      return whole === undefined || onData(whole) ? undefined : 'stop';
    }
    if (end < DATA.length || line.compare(DATA, 0, DATA.length, 0, DATA.length) !== 0) return undefined;
    const value = line.subarray(line[DATA.length] === SPACE ? DATA.length + 1 : DATA.length, end);
    if (!isUtf8(value)) return 'invalid_utf8';
    const text = value.toString('utf8');
    data = data === undefined ? text : `${data}\n${text}`;
    return undefined;
  }

  return {
    push(chunk) {
      let at = 0;
      for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, at)) {
        let line = chunk.subarray(at, end);
        at = end + 1;
        if (heldBytes + line.length > lineBytesMax) return 'sse_line_too_long';
        if (heldBytes > 0) {
          line = Buffer.concat([...held, line]);
          held = [];
          heldBytes = 0;
        }
        const result = take(line);
        if (result === 'stop') return undefined;
        if (result) return result;
      }
      if (at < chunk.length) {
        held.push(at === 0 ? chunk : chunk.subarray(at));
        heldBytes += chunk.length - at;
        if (heldBytes > lineBytesMax) return 'sse_line_too_long';
      }
      return undefined;
    },
  };
}
