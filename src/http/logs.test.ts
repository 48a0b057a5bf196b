import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createWorld, asAdmin as headers } from '../../test/support/http-world.ts';
import { parseSse } from '../../test/support/sse-text.ts';
import { systemClock } from '../base/clock.ts';
import { createLogger, type LogFields, type Logger, type LogSink } from '../base/log.ts';
import { createLogFile } from '../base/log-file.ts';

let folder: string;
let sink: LogSink;
let log: Logger;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-logs-'));
  path = join(folder, 'agent.log');
  sink = createLogFile({ path, bytesMax: 200_000, filesMax: 5 });
  log = createLogger({ level: 'debug', sink, clock: systemClock });
});
afterEach(async () => {
  await sink.close();
  rmSync(folder, { recursive: true, force: true });
});

async function write(count: number, fields: (n: number) => LogFields = (n) => ({ seq: n })): Promise<void> {
  for (let n = 0; n < count; n += 1) log[n % 4 === 3 ? 'warn' : 'info']('test.line', fields(n));
  await sink.flush();
}

const page = async (query: string) => {
  const { call } = createWorld({ logPath: path });
  const answer = await (await call(`GET /v1/logs${query}`, { headers })).json();
  return answer as unknown as { data: { seq: number; level: string }[]; nextCursor: string | null; hasMore: boolean };
};

describe('the log over HTTP', () => {
  test('comes newest first, in pages that follow each other without gap over rotated files', async () => {
    await write(5_000);
    const got: number[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { data, nextCursor, hasMore } = await page(`?limit=900${cursor && `&cursor=${cursor}`}`);
      expect(hasMore).toBe(nextCursor !== null);
      got.push(...data.map(({ seq }) => seq));
      cursor = nextCursor;
    }
    expect(got).toEqual(Array.from({ length: got.length }, (_, n) => 4_999 - n));
    expect(got.length).toBeGreaterThan(1_000);
  });

  test('is filtered by level, time, ids, event and text', async () => {
    await write(40, (n) => ({ seq: n, sessionId: `ses_${n % 2}`, turnId: `trn_${n % 5}`, requestId: `req_${n}` }));
    const seqs = async (query: string) => (await page(query)).data.map(({ seq }) => seq);
    expect(await seqs('?level=warn&limit=3')).toEqual([39, 35, 31]);
    expect(await seqs('?sessionId=ses_1&turnId=trn_0')).toEqual([35, 25, 15, 5]);
    expect(await seqs('?requestId=req_7')).toEqual([7]);
    expect(await seqs('?text=REQ_3&limit=2')).toEqual([39, 38]);
    expect(await seqs('?event=test.lin')).toEqual([]);
    expect(await seqs('?since=2999-01-01T00:00:00Z')).toEqual([]);
    expect(await seqs('?until=2999-01-01T00:00:00Z&limit=1')).toEqual([39]);
  });

  test('is empty when there is none, and refuses what is no question', async () => {
    const { call } = createWorld({ logPath: join(folder, 'none.log') });
    expect(await (await call('GET /v1/logs', { headers })).json()).toEqual({ data: [], nextCursor: null, hasMore: false });
    for (const query of ['level=loud', 'limit=0', 'limit=1001', 'since=yesterday', 'cursor=../etc', 'cursor=1', 'colour=red', 'text='])
      expect((await call(`GET /v1/logs?${query}`, { headers })).status, query).toBe(400);
  });

  test('leaves out what is no line of ours', async () => {
    await write(1);
    sink.write('{"torn\n[1]\n{"level":"info"}\n');
    await write(1);
    expect((await page('')).data).toHaveLength(2);
  });
});

/** Reads events until `enough` of them are there, then hangs up. */
async function follow(query: string, options: { lastEventId?: string; enough: number; onOpen?: () => void }) {
  const { call } = createWorld({ logPath: path });
  const more: Record<string, string> = options.lastEventId ? { 'last-event-id': options.lastEventId } : {};
  const answer = await call(`GET /v1/logs${query}`, { headers: { ...headers, accept: 'text/event-stream', ...more } });
  expect(answer.status).toBe(200);
  const reader = answer.body?.getReader();
  options.onOpen?.();
  let text = '';
  const events = () => parseSse(text.slice(0, text.lastIndexOf('\n\n') + 2));
  while (events().length < options.enough) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) break;
    text += Buffer.from(value ?? []).toString();
  }
  await reader?.cancel();
  return events();
}
const seqOf = ({ data }: { data: unknown }) => (data as { seq: number }).seq;

describe('the log as it is written', () => {
  test('begins with the last lines and goes on; resumed it has no gap and no repetition', async () => {
    await write(10);
    const first = await follow('?limit=3', { enough: 5, onOpen: () => void write(2, (n) => ({ seq: 10 + n })) });
    expect(first.map(seqOf)).toEqual([7, 8, 9, 10, 11]);
    const lastEventId = first[1]?.id ?? '';
    expect((await follow('', { enough: 3, lastEventId })).map(seqOf)).toEqual([9, 10, 11]);
  });

  test('loses nothing over rotations while a reader keeps up, and says so when it did not', async () => {
    const seen = follow('?limit=1', { enough: 3_000, onOpen: () => void write(3_000) });
    const events = await seen;
    const seqs = events.filter(({ event }) => event === 'log.line').map(seqOf);
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, n) => n));
    const early = events[0]?.id ?? '';
    await write(20_000);
    const [missing] = await follow('', { enough: 1, lastEventId: early });
    expect(missing?.event).toBe('log.gap');
  });

  test('takes only the ids it gave', async () => {
    const { call } = createWorld({ logPath: path });
    const ask = { headers: { ...headers, accept: 'text/event-stream', 'last-event-id': '1.2.3' } };
    expect((await call('GET /v1/logs', ask)).status).toBe(400);
  });
});
