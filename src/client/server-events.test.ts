import { describe, expect, it } from 'vitest';
import { readServerEvents, type ServerEvent } from './server-events.ts';

async function* pieces(text: string, size: number) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(text: string, size = 3): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for await (const event of readServerEvents(pieces(text, size))) events.push(event);
  return events;
}

describe('server-sent events', () => {
  const text =
    ': hello\n\nid: 1.0.5\nevent: text.delta\ndata: {"text":"Grüße 👋"}\n\n: beat\n\nid: 1.0.9\r\nevent: turn.end\r\ndata: {}\r\n\r\n';
  it.each([1, 2, 3, 7, 4096])('are the same however the bytes are cut (%i)', async (size) => {
    expect(await read(text, size)).toEqual([
      { id: '1.0.5', event: 'text.delta', data: '{"text":"Grüße 👋"}' },
      { id: '1.0.9', event: 'turn.end', data: '{}' },
    ]);
  });

  it('drops one that was cut off', async () => {
    expect(await read('data: 1\n\ndata: 2\n')).toHaveLength(1);
  });

  it('joins data lines and keeps the last id', async () => {
    expect(await read('id: a\ndata: 1\ndata: 2\n\ndata: 3\n\n')).toEqual([
      { id: 'a', event: 'message', data: '1\n2' },
      { id: 'a', event: 'message', data: '3' },
    ]);
  });

  it('refuses one without an end', async () => {
    const endless = async () => {
      const line = `data: ${'x'.repeat(1_048_576)}\n`;
      for await (const _ of readServerEvents(pieces(line.repeat(20), 1_048_576))) expect.unreachable();
    };
    await expect(endless()).rejects.toThrow(RangeError);
  });
});
