import { assertDocumentedEvents } from './documented.ts';

export interface SseEvent {
  id: string;
  event: string;
  data: Record<string, unknown>;
}

/** The events of a stream, comments left out. Every one of them is held to the contract. */
export function parseSse(text: string): SseEvent[] {
  const events = text
    .split(/\r?\n\r?\n/)
    .map((block) =>
      Object.fromEntries(
        block.split(/\r?\n/).flatMap((line) => {
          const colon = line.indexOf(':');
          return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1).trimStart()] as const] : [];
        }),
      ),
    )
    .filter((fields) => fields.data !== undefined)
    .map((fields) => ({
      id: fields.id ?? '',
      event: fields.event ?? 'message',
      data: JSON.parse(fields.data ?? 'null') as Record<string, unknown>,
    }));
  assertDocumentedEvents(events);
  return events;
}

/** What a reader has put together: the pieces stand where they say they stand, without gap or overlap. Throws otherwise. */
export function assembled(events: SseEvent[]): string {
  let text = '';
  for (const { event, data } of events) {
    if (event === 'turn.restart') text = '';
    if (event !== 'text.delta') continue;
    if (data.at !== text.length) throw new Error(`a piece at ${data.at} after ${text.length} characters`);
    text += String(data.text);
  }
  return text;
}
