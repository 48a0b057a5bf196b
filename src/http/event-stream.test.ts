import { describe, expect, test } from 'vitest';
import { asAdmin, createWorld } from '../../test/support/http-world.ts';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { assembled, parseSse } from '../../test/support/sse-text.ts';
import type { Access } from '../access/access.ts';
import type { Credential } from '../access/credential.ts';
import type { PlacedEvent, TurnCursor } from '../agent/agent.ts';
import { AppError } from '../base/errors.ts';
import { createEventStreams } from './event-stream.ts';
import { cutDelta, eventText, turnSource } from './turn-frames.ts';

const LIMITS = { heartbeatMs: 15_000, streamStallMs: 60_000, streamPieceUnits: 1_000 };

/** An open turn, its feed, and a way to read its events. */
async function openTurn() {
  const { promise: hold, resolve: end } = Promise.withResolvers<void>();
  const world = createWorld({ script: () => ({ deltas: [], hold }), limits: { streamPieceUnits: 64 } });
  const { turnId } = await (
    await world.call('POST /v1/chat', { headers: { ...asAdmin, prefer: 'respond-async' }, body: { message: 'm' } })
  ).json();
  const read = (id?: string) =>
    world.call(`GET /v1/turns/${turnId}/events`, { headers: { ...asAdmin, ...(id !== undefined && { 'last-event-id': id }) } });
  return { ...world, turnId, end, read, feed: world.agent.feed(turnId) };
}

const TEXT = Array.from({ length: 200 }, (_, i) => `${i} 👩‍👩‍👧 e\u0301\n\ndata: forged\nevent: turn.end\r\n`);

describe('a turn’s events', () => {
  test('resume at every place with no gap and no duplicate', async () => {
    const { end, read, feed } = await openTurn();
    for (const text of TEXT) feed.push(text);
    end();
    const all = parseSse(await (await read()).text());
    expect(all.map(({ event }) => event).filter((event) => event !== 'text.delta')).toEqual(['turn.start', 'turn.end']);
    expect(assembled(all)).toBe(TEXT.join(''));
    expect(all.length).toBeGreaterThan(100);
    for (let i = 0; i < all.length - 1; i++) {
      const rest = parseSse(await (await read(all[i]?.id)).text());
      expect(assembled([...all.slice(0, i + 1), ...rest])).toBe(TEXT.join(''));
      expect(rest.at(-1)).toEqual(all.at(-1));
    }
  });

  test('come while they happen, and a reader that left in the middle resumes', async () => {
    const { end, read, feed, turnId } = await openTurn();
    const decoder = new TextDecoder();
    let text = '';
    const reader = (await read()).body?.getReader();
    for (const [i, delta] of TEXT.slice(0, 50).entries()) {
      feed.push(delta);
      while (!assembled(parseSse(text)).endsWith(`${delta}`)) text += decoder.decode((await reader?.read())?.value, { stream: true });
      expect(i).toBeLessThan(50);
    }
    await reader?.cancel();
    for (const delta of TEXT.slice(50)) feed.push(delta);
    end();
    const first = parseSse(text);
    const rest = parseSse(await (await read(first.at(-1)?.id)).text());
    expect(assembled([...first, ...rest])).toBe(TEXT.join(''));
    expect(rest.at(-1)?.data.turnId).toBe(turnId);
  });

  test('of an earlier attempt begin again with turn.restart', async () => {
    const { end, read, feed } = await openTurn();
    feed.push('first try');
    feed.restart(2, '');
    feed.push('second try');
    end();
    const events = parseSse(await (await read('1.0.5')).text());
    expect(events.map(({ event }) => event)).toEqual(['turn.restart', 'text.delta', 'turn.end']);
    expect(events[0]).toMatchObject({ id: '2.0.0', data: { attempt: 2 } });
  });

  test('carry one data line of JSON, and the end is the JSON answer itself', async () => {
    const { end, read, feed, turnId, call } = await openTurn();
    feed.push('a\nb\r\nc\u2028d');
    end();
    const answer = await read();
    expect(answer.headers.get('x-accel-buffering')).toBe('no');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const text = await answer.text();
    for (const block of text.trimEnd().split('\n\n')) expect(block).toMatch(/^event: [a-z.]+\nid: \d+\.\d+\.\d+\ndata: \{[^\n\r]*\}$/);
    const shown = await (await call(`GET /v1/turns/${turnId}`, { headers: asAdmin })).json();
    expect(parseSse(text).at(-1)?.data).toEqual(shown);
  });

  test.each(['x', '1', '1.0', '1.0.0.0', '-1.0.0', '1.0.1e3', ' 1.0.0x', '1.0.9999999999', '1.0.0, 1.0.1', '../..'])(
    'a place %j we never gave is 400',
    async (id) => {
      const { read, call } = await openTurn();
      expect((await read(id)).status).toBe(400);
      const headers = { ...asAdmin, 'last-event-id': id };
      expect((await call('POST /v1/chat', { headers, body: { message: 'm', stream: true } })).status).toBe(400);
    },
  );

  test('of an outcome that could not be stored end with the problem', async () => {
    const { call } = createWorld({ script: () => ({ commitError: new AppError('storage_unavailable') }) });
    const events = parseSse(await (await call('POST /v1/chat', { headers: asAdmin, body: { message: 'm', stream: true } })).text());
    expect(events.at(-1)).toMatchObject({ event: 'error', data: { code: 'storage_unavailable' } });
  });

  test('of a turn that is not there, and before the stream begins, are ordinary problems', async () => {
    const { call, ids } = await openTurn();
    const answer = await call(`GET /v1/turns/${ids.make('trn')}/events`, { headers: { ...asAdmin, accept: 'text/event-stream' } });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
  });

  test('asked for with HEAD leave no cursor open', async () => {
    const { agent, call, ids } = await openTurn();
    let closed = 0;
    const events = () => ({ next: () => new Promise<PlacedEvent[]>(() => {}), close: () => void closed++ });
    agent.find = async (turnId) => ({ turnId, sessionId: '', outcome: () => new Promise(() => {}), events });
    expect((await call(`HEAD /v1/turns/${ids.make('trn')}/events`, { headers: asAdmin })).status).toBe(200);
    expect(closed).toBe(1);
  });

  test('closing a stream leaves the turn alone', async () => {
    const { call, end, agent } = await openTurn();
    const stream = await call('POST /v1/chat', { headers: asAdmin, body: { message: 'm', stream: true } });
    const reader = stream.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    expect(agent.figures()).toMatchObject({ open: 2, cancelled: 0 });
    end();
  });
});

describe('one stream', () => {
  function controlled() {
    const clock = createManualClock();
    const seen = { asked: 0, closed: 0, dropped: 0 };
    let give: (events: PlacedEvent[]) => void = () => undefined;
    let fail: (error: unknown) => void = () => undefined;
    const cursor: TurnCursor = {
      next() {
        seen.asked++;
        return new Promise((resolve, reject) => {
          give = resolve;
          fail = reject;
        });
      },
      close: () => void seen.closed++,
    };
    const streams = createEventStreams({ clock, limits: LIMITS, access: { watch: () => () => undefined } });
    const body = streams.open(turnSource(cursor), {
      onError: () => eventText({ type: 'error', problem: { type: 't', title: 't', status: 500, code: 'internal', requestId: 'r' } }),
      drop: () => void seen.dropped++,
      caller: { credential: {} as Credential },
    });
    const reader = body.getReader();
    const read = async () => {
      const { done, value } = await reader.read();
      return done ? undefined : Buffer.from(value).toString();
    };
    return { clock, seen, streams, reader, read, give: (...events: PlacedEvent[]) => give(events), fail: (error: unknown) => fail(error) };
  }
  const delta = (text: string, at = 0): PlacedEvent => ({
    event: { type: 'text.delta', at, text },
    at: { attempt: 1, step: 0, offset: at + text.length },
  });

  test('asks for nothing before its reader does, and for nothing more while the reader is slow', async () => {
    const { seen, read, give } = controlled();
    await Promise.resolve();
    expect(seen.asked).toBe(0);
    const first = read();
    await Promise.resolve();
    give(delta('x'.repeat(10_000)));
    expect((await first)?.length).toBeLessThan(1_200);
    expect(seen.asked).toBe(1);
    for (let i = 0; i < 9; i++) await read();
    expect(seen.asked).toBe(1);
    void read();
    await Promise.resolve();
    expect(seen.asked).toBe(2);
  });

  test('says it is alive at least every 15 s, and only while there is nothing else', async () => {
    const { clock, read, give } = controlled();
    for (let i = 0; i < 3; i++) {
      const beat = read();
      await clock.advance(15_000);
      expect(await beat).toBe(': keep-alive\n\n');
    }
    const next = read();
    await clock.advance(9_000);
    give(delta('hello'));
    expect(await next).toContain('hello');
  });

  test('that nobody takes from for a minute is dropped with its cursor', async () => {
    const { clock, seen, read, give, streams } = controlled();
    const first = read();
    await Promise.resolve();
    give(delta('hello'));
    await first;
    await clock.advance(59_000);
    expect([seen.dropped, streams.size]).toEqual([0, 1]);
    await clock.advance(6_000);
    expect([seen.dropped, seen.closed, streams.size]).toEqual([1, 1, 0]);
  });

  test('that its reader left closes the cursor once, also while it waits', async () => {
    const { clock, seen, read, reader, streams } = controlled();
    const waiting = read();
    await reader.cancel();
    expect(await waiting).toBeUndefined();
    await clock.advance(120_000);
    expect([seen.closed, seen.dropped, streams.size]).toEqual([1, 0, 0]);
  });

  test('whose cursor fails ends with an error event that moves the reader’s place nowhere', async () => {
    const { read, fail, streams } = controlled();
    const last = read();
    await Promise.resolve();
    fail(new Error('CANARY'));
    expect(await last).toMatch(/^event: error\ndata: \{[^\n]*"code":"internal"[^\n]*\}\n\n$/);
    expect(await read()).toBeUndefined();
    expect(streams.size).toBe(0);
  });

  test('ends cleanly when all are told to', async () => {
    const { read, seen, streams } = controlled();
    const waiting = read();
    streams.endAll();
    expect(await waiting).toBeUndefined();
    expect([seen.closed, streams.size]).toEqual([1, 0]);
  });
});

test('a stream whose reader may read no more ends, and what it was about to send is not sent', async () => {
  let revoke = (): void => undefined;
  let watched = true;
  const access: Pick<Access, 'watch'> = {
    watch(_, end) {
      revoke = end;
      return () => {
        watched = false;
      };
    },
  };
  const streams = createEventStreams({ clock: createManualClock(), limits: LIMITS, access });
  const source = {
    next: async () => ['one\n\n', 'two\n\n'],
    close: () => undefined,
    isLast: () => false,
    take: (items: string[]) => items.shift() ?? '',
  };
  const reader = streams.open(source, {
    onError: () => '',
    drop: () => undefined,
    caller: { credential: {} as Credential },
  });
  const read = reader.getReader();
  expect(Buffer.from((await read.read()).value ?? []).toString()).toBe('one\n\n');
  revoke();
  expect((await read.read()).done).toBe(true);
  expect([streams.size, watched]).toEqual([0, false]);
});

test('a long delta is cut at the right offsets and never inside a pair', () => {
  const text = '👩'.repeat(500);
  const parts: PlacedEvent[] = [];
  let rest: PlacedEvent | undefined = { event: { type: 'text.delta', at: 7, text }, at: { attempt: 3, step: 2, offset: 7 + text.length } };
  while (rest) {
    const [first, more] = cutDelta(rest, 101);
    parts.push(first);
    rest = more;
  }
  let at = 7;
  for (const { event, at: place } of parts) {
    if (event.type !== 'text.delta') throw new Error('not a delta');
    expect(event.at).toBe(at);
    expect(event.text.isWellFormed()).toBe(true);
    expect(event.text.length).toBeLessThanOrEqual(101);
    at += event.text.length;
    expect(place).toEqual({ attempt: 3, step: 2, offset: at });
  }
  expect(at).toBe(7 + text.length);
});
