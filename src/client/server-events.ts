export interface ServerEvent {
  id: string | undefined;
  event: string;
  data: string;
}

const EVENT_CHARS_MAX = 16 * 1024 * 1024;

/**
 * Server-sent events of a byte stream (WHATWG HTML, 9.2), comments left out. Ends when the stream ends; an unfinished event at the end is
 * dropped, as the standard demands. Throws what the stream throws, and RangeError for an event that is larger than any of ours.
 */
export async function* readServerEvents(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let buffer = '';
  let data: string[] = [];
  let event = '';
  let id: string | undefined;
  let chars = 0;
  for await (const piece of bytes) {
    buffer += decoder.decode(piece, { stream: true });
    let from = 0;
    for (let end = buffer.indexOf('\n'); end !== -1; end = buffer.indexOf('\n', from)) {
      const line = buffer.slice(from, end).replace(/\r$/, '');
      from = end + 1;
      chars += line.length;
      if (line === '') {
        if (data.length > 0) yield { id, event: event || 'message', data: data.join('\n') };
        data = [];
        event = '';
        chars = 0;
        continue;
      }
      const [field, value] = splitField(line);
      if (field === 'data') data.push(value);
      else if (field === 'event') event = value;
      else if (field === 'id') id = value;
    }
    buffer = buffer.slice(from);
    if (chars + buffer.length > EVENT_CHARS_MAX) throw new RangeError('a server-sent event is too large');
  }
}

function splitField(line: string): [string, string] {
  const colon = line.indexOf(':');
  if (colon === -1) return [line, ''];
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')];
}
