import { expect, test } from 'vitest';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { type LiveEvent, type LivePlace, parseLivePlace } from '../contract/live.ts';
import { createLiveFeed, KEPT_MAX, type LiveCursor } from './live-feed.ts';

const RUN = '0123456789abcdef';
const greeting: LiveEvent = { type: 'reset' }; // stands in for a snapshot
const accepted = (no: number): LiveEvent => ({ type: 'turn.accepted', turnId: `t${no}`, sessionId: 's' });

function setup() {
  const clock = createManualClock();
  const feed = createLiveFeed({ clock, run: RUN });
  const publish = (from: number, to: number) => {
    for (let no = from; no <= to; no += 1) feed.publish(accepted(no));
  };
  return { clock, feed, publish };
}

interface Read {
  event: string;
  place: LivePlace | undefined;
  data: Record<string, unknown>;
}
async function next(cursor: LiveCursor): Promise<Read[]> {
  return (await cursor.next()).map((frame) => {
    const [, event = '', id = '', data = ''] = /^event: (.*)\nid: (.*)\ndata: (.*)\n\n$/.exec(frame.text()) ?? [];
    return { event, place: parseLivePlace(id), data: JSON.parse(data) as Record<string, unknown> };
  });
}
/** As many events as that, over as many pieces as it takes. */
async function take(cursor: LiveCursor, count: number): Promise<Read[]> {
  const all: Read[] = [];
  while (all.length < count) all.push(...(await next(cursor)));
  return all;
}
const turnsOf = (read: Read[]) => read.map(({ data }) => data.turnId);

test('a reader is greeted, then told what happens from now on, a few times a second at most', async () => {
  const { clock, feed, publish } = setup();
  publish(1, 3);
  const cursor = feed.cursor(undefined, greeting);
  expect((await next(cursor)).map(({ event }) => event)).toEqual(['reset']);
  const waiting = next(cursor);
  publish(4, 5);
  expect(clock.pending()).toBe(1); // one timer wakes everybody
  await clock.advance(100);
  expect(turnsOf(await waiting)).toEqual(['t4', 't5']);
});

test('a place resumes without a gap or a repetition, also after the connection was gone for a while', async () => {
  const { clock, feed, publish } = setup();
  const first = feed.cursor(undefined, greeting);
  publish(1, 10);
  const read = await take(first, 11);
  first.close();
  publish(11, 12);
  await clock.advance(30_000);
  publish(13, 13);
  const again = feed.cursor(read[5]?.place, greeting);
  expect(turnsOf(await take(again, 8))).toEqual(['t6', 't7', 't8', 't9', 't10', 't11', 't12', 't13']);
});

test('where it cannot be gone on from a place, the first event says so', async () => {
  const { clock, feed, publish } = setup();
  const first = feed.cursor(undefined, greeting);
  publish(1, 5);
  const [, one] = await take(first, 6);
  const opening = async (from: LivePlace | undefined) => {
    const cursor = feed.cursor(from, { type: 'lagged', dropped: -1 });
    const said = (await next(cursor)).map(({ event }) => event);
    cursor.close();
    return said;
  };
  expect(await opening({ run: 'fedcba9876543210', seq: 1 })).toEqual(['reset', 'lagged']);
  expect(await opening({ run: RUN, seq: 999 })).toEqual(['reset', 'lagged']);
  publish(6, KEPT_MAX + 10);
  expect(await opening(one?.place)).toEqual(['reset', 'lagged']);
  expect(await opening(undefined)).toEqual(['lagged']);
  first.close();
  await clock.advance(61_000);
  publish(1, 1); // nobody has looked for a minute: not kept
  expect(feed.kept).toBe(0);
  expect(await opening({ run: RUN, seq: KEPT_MAX + 10 })).toEqual(['reset', 'lagged']);
});

test('a slow reader is told how much it missed, and what is kept never grows', async () => {
  const { feed, publish } = setup();
  const slow = feed.cursor(undefined, greeting);
  await next(slow);
  publish(1, 5 * KEPT_MAX);
  expect(feed.kept).toBe(KEPT_MAX);
  const [lagged, ...rest] = await take(slow, KEPT_MAX + 1);
  expect(lagged).toMatchObject({ event: 'lagged', data: { dropped: 4 * KEPT_MAX } });
  expect(turnsOf(rest)).toEqual(Array.from({ length: KEPT_MAX }, (_, no) => `t${4 * KEPT_MAX + no + 1}`));
});

test('many readers share one text, and a closed one ends at once', async () => {
  const { feed, publish } = setup();
  const cursors = Array.from({ length: 20 }, () => feed.cursor(undefined, greeting));
  for (const cursor of cursors) await cursor.next();
  publish(1, 1);
  const frames = await Promise.all(cursors.map((cursor) => cursor.next()));
  expect(new Set(frames.map(([frame]) => frame)).size).toBe(1);
  const parked = cursors[0]?.next();
  for (const cursor of cursors) cursor.close();
  expect(await parked).toEqual([]);
  expect(feed.readers).toBe(0);
});

test('without readers nothing is kept and no timer runs', () => {
  const { clock, feed, publish } = setup();
  publish(1, 10_000);
  expect(feed.kept).toBe(0);
  expect(clock.pending()).toBe(0);
});
