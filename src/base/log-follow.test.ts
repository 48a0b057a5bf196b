import { appendFileSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from './clock.ts';
import { followLog } from './log-follow.ts';
import { readLogTail } from './log-tail.ts';

const newLog = () => join(mkdtempSync(join(tmpdir(), 'holdfast-log-')), 'agent.log');
const all = () => true;
const aborts: AbortController[] = [];
afterEach(() => {
  for (const abort of aborts.splice(0)) abort.abort();
});

/** As `base/log-file.ts` does: every file one number up, then a new one. */
function rotate(path: string) {
  let last = 1;
  while (existsSync(`${path}.${last}`)) last++;
  for (let number = last; number > 0; number--) renameSync(number === 1 ? path : `${path}.${number - 1}`, `${path}.${number}`);
}

async function follow(path: string) {
  const tail = await readLogTail(path, { count: 0, isWanted: all });
  const lines: string[] = [];
  const abort = new AbortController();
  aborts.push(abort);
  const read = async () => {
    for await (const piece of followLog(path, tail?.end, { clock: systemClock, signal: abort.signal })) {
      if (piece.gap) lines.push('(gap)');
      lines.push(...piece.lines.map(({ text }) => text));
    }
  };
  const done = read();
  return { lines, done, stop: () => abort.abort() };
}

describe('the tail of the log', () => {
  it('is nothing when there is no log', async () => {
    expect(await readLogTail(newLog(), { count: 5, isWanted: all })).toBeUndefined();
  });

  it('reaches back over rotated files, and leaves out the line that is being written', async () => {
    const path = newLog();
    writeFileSync(`${path}.2`, '1\n2\n');
    writeFileSync(`${path}.1`, '3\n');
    writeFileSync(path, '4\n5\nhalf');
    const read = async (count: number) => (await readLogTail(path, { count, isWanted: all }))?.lines.map(({ text }) => text);
    expect(await read(100)).toEqual(['1', '2', '3', '4', '5']);
    expect(await read(4)).toEqual(['2', '3', '4', '5']);
    expect(await read(0)).toEqual([]);
    const odd = await readLogTail(path, { count: 2, isWanted: (line) => Number(line) % 2 === 1 });
    expect(odd?.lines.map(({ text }) => text)).toEqual(['3', '5']);
    const earlier = await readLogTail(path, { count: 9, isWanted: all, before: odd?.lines[0]?.start });
    expect(earlier?.lines.map(({ text }) => text)).toEqual(['1', '2']);
    expect(await readLogTail(path, { count: 9, isWanted: all, before: { mark: 'of another file', offset: 1 } })).toBeUndefined();
  });

  it('is the last lines, however long they are and wherever the blocks of the file fall', async () => {
    const lengths = fc.array(fc.oneof(fc.nat(40), fc.integer({ min: 65_000, max: 66_000 }), fc.integer({ min: 130_000, max: 132_000 })), {
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(lengths, fc.nat(7), fc.boolean(), async (sizes, count, hasHalf) => {
        const path = newLog();
        const lines = sizes.map((size, index) => `${index}${'ü'.repeat(size)}`);
        writeFileSync(path, lines.map((line) => `${line}\n`).join('') + (hasHalf ? 'x'.repeat(70_000) : ''));
        const tail = await readLogTail(path, { count, isWanted: all });
        expect(tail?.lines.map(({ text }) => text)).toEqual(count === 0 ? [] : lines.slice(-count));
        const whole = Buffer.byteLength(lines.map((line) => `${line}\n`).join(''));
        if (count > 0) expect(tail?.end.offset).toBe(whole);
      }),
      { numRuns: 40 },
    );
  });
});

describe('following the log', () => {
  it('gives new whole lines, in order, over any number of rotations at once', async () => {
    const path = newLog();
    writeFileSync(path, 'old\n');
    const { lines } = await follow(path);
    appendFileSync(path, '1\n2');
    await expect.poll(() => lines).toEqual(['1']);
    appendFileSync(path, 'b\n3\n');
    rotate(path);
    writeFileSync(path, '4\n');
    rotate(path);
    writeFileSync(path, '5\n');
    rotate(path);
    writeFileSync(path, '6\n');
    await expect.poll(() => lines).toEqual(['1', '2b', '3', '4', '5', '6']);
    appendFileSync(path, '7\n');
    await expect.poll(() => lines.at(-1)).toBe('7');
    expect(lines).toHaveLength(7);
  });

  it('says that lines are missing when their file is gone', async () => {
    const path = newLog();
    writeFileSync(path, 'old\n');
    const { lines } = await follow(path);
    appendFileSync(path, '1\n');
    await expect.poll(() => lines).toEqual(['1']);
    rotate(path);
    rmSync(`${path}.1`);
    writeFileSync(path, '3\n');
    await expect.poll(() => lines).toEqual(['1', '(gap)', '3']);
  });

  it('waits for a log that is not there yet, and starts anew when it is emptied', async () => {
    const path = newLog();
    const { lines, stop, done } = await follow(path);
    writeFileSync(path, 'first line\n');
    await expect.poll(() => lines).toEqual(['first line']);
    writeFileSync(path, 'x\n');
    await expect.poll(() => lines).toEqual(['first line', 'x']);
    stop();
    await done;
  });
});
