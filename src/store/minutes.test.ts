import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createStoreWorld, type StoreWorld } from '../../test/support/store-world.ts';
import { silentLogger } from '../base/log.ts';
import type { Database } from './database.ts';
import { createMinutes, type Minutes, type StoredMinute } from './minutes.ts';

const MINUTE = 60_000;
let world: StoreWorld;
let database: Database;
beforeEach(async () => {
  world = createStoreWorld();
  database = world.database();
  await world.store({ database });
});
afterEach(() => world.end());

async function between(minutes: Minutes, from: number, until: number): Promise<StoredMinute[]> {
  const all: StoredMinute[] = [];
  for await (const page of minutes.pages(from, until)) all.push(...page);
  return all;
}
const minute = (no: number, run = 'a'): StoredMinute => ({ run, at: no * MINUTE, figures: `{"no":${no}}` });

test('minutes come back by time, from the first wanted to before the last, over as many pages as it takes', async () => {
  const minutes = createMinutes(database, silentLogger);
  await Promise.all(Array.from({ length: 1_500 }, (_, no) => minutes.append(minute(no))));
  const found = await between(minutes, 10 * MINUTE, 1_490 * MINUTE);
  expect(found.map(({ at }) => at / MINUTE)).toEqual(Array.from({ length: 1_480 }, (_, no) => no + 10));
});

test('two rows of one minute are both there: a restart within it loses nothing', async () => {
  const minutes = createMinutes(database, silentLogger);
  for (const run of ['a', 'b']) await minutes.append(minute(5, run));
  expect(await between(minutes, 0, 10 * MINUTE)).toEqual([minute(5, 'a'), minute(5, 'b')]);
});

test('the rows written first go when there are too many, whatever time they bear', async () => {
  const minutes = createMinutes(database, silentLogger, 3);
  // A clock that was a year ahead for a while must not push out what is true.
  for (const no of [525_600, 525_601, 1, 2, 3]) await minutes.append(minute(no));
  expect((await between(minutes, 0, Number.MAX_SAFE_INTEGER)).map(({ at }) => at / MINUTE)).toEqual([1, 2, 3]);
});

test('a damaged row costs only itself', async () => {
  const minutes = createMinutes(database, silentLogger);
  for (const no of [1, 2, 3]) await minutes.append(minute(no));
  const file = new DatabaseSync(world.path);
  file.exec(`UPDATE minutes SET at = -5 WHERE seq = 2`);
  file.close();
  expect((await between(minutes, -10, 10 * MINUTE)).map(({ at }) => at / MINUTE)).toEqual([1, 3]);
});
