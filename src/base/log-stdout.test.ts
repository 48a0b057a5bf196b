import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-stdout-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Told {
  dropped: number;
  /** Dropped before the sink was closed. */
  flushed: number;
  written: number;
  worstStallMs: number;
  heapMiB: number;
  elapsedMs: number;
}

/**
 * A process that logs `lines` lines of 200 bytes to standard output, a hundred in a go, then stops; it tells how it fared in a file.
 * At its first lost line it makes the file `$LOSING`.
 */
function program(told: string, lines: number): string {
  return `
    import { writeFileSync } from 'node:fs';
    import { createLogStdout } from ${JSON.stringify(new URL('log-stdout.ts', import.meta.url).href)};
    const sink = createLogStdout({ onDrop: () => { if (!losing) writeFileSync(process.env.LOSING, ''); losing = true; } });
    let losing = false, written = 0, worstStallMs = 0, last = performance.now();
    const turn = async () => {
      const now = performance.now();
      worstStallMs = Math.max(worstStallMs, now - last);
      last = now;
      for (let i = 0; i < 100; i++) sink.write(JSON.stringify({ event: 'a.b', i: written++, filling: 'x'.repeat(170) }) + '\\n');
      if (written < ${lines}) return setTimeout(turn, 2);
      const heapMiB = process.memoryUsage().heapUsed / 2 ** 20;
      await sink.flush();
      const flushed = sink.dropped();
      await sink.close();
      last = performance.now();
      writeFileSync(${JSON.stringify(told)}, JSON.stringify({ dropped: sink.dropped(), flushed, written, worstStallMs, heapMiB, elapsedMs: last - start }));
    };
    const start = last = performance.now();
    turn();`;
}

interface Run {
  code: number | null;
  ms: number;
  out: string;
  told: Told;
}

/** Runs it under a shell, so that standard output is a real pipe, with `reader` at the other end. `exit` of the pipeline is the program's. */
async function into(reader: string, lines: number): Promise<Run> {
  const report = join(folder, 'told.json');
  const out = join(folder, 'out.log');
  const status = join(folder, 'status');
  const script = `{ "$NODE" --input-type=module -e "$PROGRAM"; echo $? > "$STATUS"; } | ${reader}`;
  const env = {
    PATH: process.env.PATH,
    NODE: process.execPath,
    PROGRAM: program(report, lines),
    STATUS: status,
    LOSING: join(folder, 'losing'),
  };
  const start = performance.now();
  const shell = spawn('sh', ['-c', script], { env, stdio: ['ignore', openSync(out, 'w'), 'inherit'] });
  await new Promise((done) => shell.on('exit', done));
  return {
    code: Number(readFileSync(status, 'utf8')),
    ms: performance.now() - start,
    out: readFileSync(out, 'utf8'),
    told: JSON.parse(readFileSync(report, 'utf8')) as Told,
  };
}

const linesOf = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((each) => JSON.parse(each) as { event: string; i?: number; count?: number });

test('every line arrives in order at a reader that reads', async () => {
  const { code, out, told } = await into('cat', 10_000);
  expect(code).toBe(0);
  expect(told.dropped).toBe(0);
  expect(linesOf(out).map((each) => each.i)).toEqual(Array.from({ length: told.written }, (_, i) => i));
});

test('a closed pipe ends nothing: the process goes on, counts its lines as lost and exits as it meant to', async () => {
  const { code, told } = await into('head -n 1', 10_000);
  expect(code).toBe(0);
  expect(told.written).toBe(10_000);
  expect(told.dropped).toBeGreaterThan(5_000);
  expect(told.flushed).toBe(told.dropped); // nothing is kept for a reader who cannot come back
});

test('a reader that stalls does not stall us, nor hold up the exit, nor fill the memory', async () => {
  const { code, told } = await into('sleep 4', 20_000);
  expect(code).toBe(0);
  expect(told.worstStallMs).toBeLessThan(1_000); // a write that blocks lasts as long as the reader sleeps
  expect(told.elapsedMs).toBeLessThan(3_500);
  expect(told.heapMiB).toBeLessThan(64);
  expect(told.dropped).toBeGreaterThan(10_000);
});

test('a reader that wakes up gets whole lines, and is told how many were lost in between', async () => {
  const { code, out, told } = await into('{ for i in $(seq 100); do [ -e "$LOSING" ] && break; sleep 0.05; done; cat; }', 40_000);
  expect(code).toBe(0);
  const lines = linesOf(out);
  let next = 0;
  for (const { i, count } of lines) {
    if (i !== undefined) expect(i).toBe(next);
    next += i === undefined ? (count ?? 0) : 1;
  }
  expect(next).toBe(told.written);
  expect(told.dropped).toBeGreaterThan(0);
  expect(lines.filter((each) => each.i !== undefined).length).toBe(told.written - told.dropped);
});
