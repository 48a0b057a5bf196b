import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLogQueue } from './log-queue.ts';

const line = (i: number): string => `{"i":${String(i).padStart(4)}}\n`; // 11 bytes
const queue = (bytesMax: number, chunkBytesMax = 1_000) => createLogQueue({ now: () => 0, bytesMax, chunkBytesMax });

interface Told {
  i?: number;
  event?: string;
  count?: number;
}
const parsed = (chunk: Buffer | undefined): Told[] =>
  String(chunk ?? '')
    .split('\n')
    .filter((each) => each !== '')
    .map((each) => JSON.parse(each) as Told);

describe('a log queue', () => {
  test('gives lines in order, in chunks of at most so many bytes, a longer line alone', () => {
    const lines = queue(10_000, 30);
    for (let i = 0; i < 5; i++) lines.push(line(i));
    lines.push(`${'x'.repeat(100)}\n`);
    lines.push(line(5));
    const taken = Array.from({ length: 6 }, () => lines.take()?.length);
    expect(taken).toEqual([22, 22, 11, 101, 11, undefined]);
  });

  test('loses what does not fit, counting what is under way, and says so exactly where the gap is', () => {
    const lines = queue(200);
    for (let i = 0; i < 30; i++) lines.push(line(i)); // 18 fit
    expect(lines.lost()).toBe(12);
    const first = lines.take();
    lines.push(line(30)); // all 198 bytes are still under way
    expect(lines.lost()).toBe(13);
    lines.release(first?.length ?? 0);
    lines.push(line(31));
    lines.push(line(32));
    expect(parsed(first).at(-1)?.i).toBe(17);
    expect(parsed(lines.take())).toMatchObject([{ event: 'log.dropped', level: 'warn', count: 13 }, { i: 31 }, { i: 32 }]);
    expect(lines.take()).toBeUndefined();
  });

  test('says what was lost when nothing else comes', () => {
    const lines = queue(10);
    lines.push(line(1));
    expect(lines.isEmpty()).toBe(false);
    expect(parsed(lines.take())).toMatchObject([{ event: 'log.dropped', count: 1 }]);
    expect(lines.isEmpty()).toBe(true);
  });

  test('never holds more than its bytes, and accounts for every line', () => {
    const steps = fc.array(fc.oneof(fc.constant('take'), fc.nat(80)), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (given) => {
        const lines = queue(300, 60);
        let pushed = 0;
        let held = 0;
        const out: Told[] = [];
        const take = () => {
          const chunk = lines.take();
          out.push(...parsed(chunk));
          lines.release(chunk?.length ?? 0);
          return chunk;
        };
        for (const step of given) {
          if (typeof step === 'number') lines.push(`${JSON.stringify({ i: pushed++, filling: 'x'.repeat(step) })}\n`);
          else take();
        }
        for (let chunk = take(); chunk; chunk = take()) held += chunk.length;
        expect(held).toBeLessThanOrEqual(300 + 128); // and the line that says what was lost
        let next = 0;
        for (const { i, count } of out) {
          if (i !== undefined) expect(i).toBe(next);
          next += i === undefined ? (count ?? 0) : 1;
        }
        expect(next).toBe(pushed);
      }),
    );
  });
});
