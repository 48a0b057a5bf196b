import { expect, test } from 'vitest';
import { assertDocumentedEvents } from '../../test/support/documented.ts';
import { asAdmin, createWorld } from '../../test/support/http-world.ts';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { LIVE_READERS_MAX } from './routes/live.ts';

interface Told {
  event: string;
  id: string;
  data: Record<string, unknown>;
}

/** A reader of the live feed on a clock that stands still until told. */
async function setup() {
  const clock = createManualClock();
  const world = createWorld({ clock });
  const open = async (headers: Record<string, string> = {}) => {
    const answer = await world.call('GET /v1/events', { headers: { ...asAdmin, ...headers } });
    expect(answer.status).toBe(200);
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    /** The next piece; the clock moves on until there is one. */
    const next = async (): Promise<{ text: string; told: Told[]; done: boolean }> => {
      const piece = reader.read();
      let arrived = false;
      const noted = piece.then(() => {
        arrived = true;
      });
      while (!arrived) await clock.advance(100);
      await noted;
      const { value, done } = await piece;
      const text = Buffer.from(value ?? []).toString();
      const told = [...text.matchAll(/event: (.*)\nid: (.*)\ndata: (.*)\n\n/g)].map(([, event = '', id = '', data = '']) => ({
        event,
        id,
        data: JSON.parse(data) as Record<string, unknown>,
      }));
      assertDocumentedEvents(told);
      return { text, told, done };
    };
    /** The next event of a kind, whatever comes before it. */
    const until = async (event: string): Promise<Told> => {
      for (;;) {
        const found = (await next()).told.find((each) => each.event === event);
        if (found) return found;
      }
    };
    return { next, until, cancel: () => reader.cancel() };
  };
  return { clock, world, open };
}

test('begins with a snapshot that says what /v1/status says', async () => {
  const { world, open } = await setup();
  const reader = await open();
  const snapshot = (await reader.next()).told[0];
  const status = (await (await world.call('GET /v1/status', { headers: asAdmin })).json()) as unknown as Record<string, unknown>;
  expect(snapshot?.event).toBe('snapshot');
  for (const name of ['state', 'health', 'requests', 'models']) expect(snapshot?.data[name]).toEqual(status[name]);
  await reader.cancel();
});

test('tells when a model, the health word or the tiles change', async () => {
  const { world, open } = await setup();
  const reader = await open();
  await reader.next();
  world.models.list = [{ name: 'memory', state: 'open', lastFailure: 'http_503', fix: 'wait' }];
  expect((await reader.until('model.changed')).data).toEqual({ name: 'memory', state: 'open', lastFailure: 'http_503', fix: 'wait' });
  Object.assign(world.store.condition, { writable: false, reason: 'disk full' });
  const changed = await reader.until('health.changed');
  expect(changed.data).toMatchObject({ status: 'down', checks: { storage: { detail: 'disk full' } } });
  await reader.cancel();
});

test('a resumed stream goes on, one from another process is told to begin anew', async () => {
  const { world, open } = await setup();
  const first = await open();
  const [snapshot] = (await first.next()).told;
  await first.cancel();
  world.feed.publish({ type: 'turn.accepted', turnId: 't1', sessionId: 's' });
  const resumed = await open({ 'last-event-id': snapshot?.id ?? '' });
  expect((await resumed.next()).told.map(({ event }) => event)).toEqual(['turn.accepted']);
  const foreign = await open({ 'last-event-id': 'ffffffffffffffff.7' });
  expect((await foreign.next()).told.map(({ event }) => event)).toEqual(['reset', 'snapshot']);
  expect((await world.call('GET /v1/events', { headers: { ...asAdmin, 'last-event-id': '3.1.2' } })).status).toBe(400);
  await resumed.cancel();
  await foreign.cancel();
});

test('while nothing happens there are no snapshots, only comments that keep the stream alive', async () => {
  const { open } = await setup();
  const reader = await open();
  await reader.next();
  let snapshots = 0;
  for (let found = false; !found; ) {
    const { text } = await reader.next();
    found = text.startsWith(': keep-alive');
    snapshots += found ? 0 : 1;
  }
  expect(snapshots).toBeLessThanOrEqual(2); // of ten looks or more: the memory of the test itself may move
  await reader.cancel();
});

test('has a bounded number of readers, gives places back, and looks at nothing once all are gone', async () => {
  const { clock, world, open } = await setup();
  const readers = await Promise.all(Array.from({ length: LIVE_READERS_MAX }, () => open()));
  const refused = await world.call('GET /v1/events', { headers: asAdmin });
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('5');
  await readers[0]?.cancel();
  readers[0] = await open();
  for (const reader of readers) await reader.cancel();
  await clock.advance(2_000);
  expect(clock.pending()).toBe(0);
});

test('is for operators only, and HEAD holds nothing open', async () => {
  const { world } = await setup();
  expect((await world.call('GET /v1/events')).status).toBe(401);
  expect((await world.call('HEAD /v1/events', { headers: asAdmin })).status).toBe(200);
  expect(world.feed.readers).toBe(0);
});
