// npm run bench [-- --quick] [-- --profile]: Holdfast beside the bare floor, the same turns through the same sockets, interleaved.
// What is trusted are CPU seconds of the server's process tree and ratios taken in one run; see docs/decisions/ for how the bars came about.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ServerProcess, startServer, temporaryFolder } from '../test/support/server-process.ts';
import { LINES, type Line, table } from './bars.ts';
import { type Bench, type Figures, measure, type Plan } from './measure.ts';
import { pinning, pinSelf, rssMegabytes, SERVER_CORE, startCompanion, startFloor, type Target } from './processes.ts';
import { readProfiles } from './profile.ts';
import { slowDiskLibrary } from './slow-disk.ts';

const HISTORY_MESSAGES = 20;
const here = fileURLToPath(new URL('.', import.meta.url));
const quick = process.argv.includes('--quick');
const profiled = process.argv.includes('--profile');
const only = process.argv
  .find((argument) => argument.startsWith('--only='))
  ?.slice('--only='.length)
  .split(',');
const wants = (part: string) => !only || only.includes(part);
const turns = (full: number) => (quick ? Math.ceil(full / 4) : full);

const STREAM: Pick<Plan, 'stream' | 'model'> = { stream: true, model: { chunks: 10, chunkMs: 5 } };

interface Upstream {
  url: string;
  port: number;
}

async function startHoldfast(
  upstream: Upstream,
  more: { env?: Record<string, string>; nodeArgs?: string[] } = {},
): Promise<Target & { server: ServerProcess }> {
  const server = await startServer({
    prefix: SERVER_CORE,
    nodeArgs: more.nodeArgs ?? [],
    env: {
      GEMINI_API_KEY: 'bench-key-of-no-account',
      GOOGLE_GEMINI_BASE_URL: upstream.url,
      HOLDFAST_MODELS: 'gemini/fake',
      HOLDFAST_HISTORY_MESSAGES: String(HISTORY_MESSAGES),
      HOLDFAST_MODEL_CONCURRENCY: '512',
      ...more.env,
    },
  });
  return {
    name: 'holdfast',
    server,
    pid: server.pid,
    port: server.port,
    authorization: `Bearer ${server.token}`,
    readyAfterMs: server.readyAfterMs,
    async stop() {
      const { code } = await server.stop();
      server.remove();
      if (code !== 0) throw new Error(`the server ended with ${code}\n${server.stderr()}`);
    },
  };
}

/** Figures by line and side; every run adds one. */
function createLedger() {
  const figures = new Map<string, { holdfast: number[]; floor: number[]; note?: string }>();
  const of = (id: string) => {
    const entry = figures.get(id) ?? { holdfast: [], floor: [] };
    figures.set(id, entry);
    return entry;
  };
  return {
    add(id: string, target: Pick<Target, 'name'>, value: number) {
      of(id)[target.name === 'floor' ? 'floor' : 'holdfast'].push(value);
      progress(`${target.name.padEnd(9)} ${LINES[id]?.what}: ${value.toFixed(3)} ${LINES[id]?.unit}`);
    },
    note(id: string, text: string) {
      of(id).note = text;
    },
    lines: (): Line[] => Object.entries(LINES).flatMap(([id, line]) => (figures.has(id) ? [{ id, ...line, ...of(id) }] : [])),
  };
}
type Ledger = ReturnType<typeof createLedger>;

const progress = (text: string) => console.error(`  ${text}`);

async function turnsPart(bench: Bench, target: Target, ledger: Ledger): Promise<void> {
  if (wants('turns')) {
    const busy = await measure(bench, target, { concurrency: 64, turns: turns(12_000) });
    ledger.add('cpu64', target, busy.cpuPerThousand);
    ledger.add('rate64', target, busy.turnsPerSecond);
    ledger.add('p50', target, busy.latencyMs.p50);
    ledger.add('p99', target, busy.latencyMs.p99);
    ledger.add('cpu16', target, (await measure(bench, target, { concurrency: 16, turns: turns(6_000) })).cpuPerThousand);
    ledger.add('cpu1', target, (await measure(bench, target, { concurrency: 1, turns: turns(1_600) })).cpuPerThousand);
  }
  if (wants('slow-model')) {
    const slow = await measure(bench, target, { concurrency: 256, turns: turns(10_000), model: { latencyMs: 200 } });
    ledger.add('rate256', target, slow.turnsPerSecond);
  }
}

async function streamsPart(bench: Bench, target: Target, ledger: Ledger): Promise<void> {
  if (!wants('streams')) return;
  const many = await measure(bench, target, { concurrency: 16, turns: turns(2_400), ...STREAM });
  ledger.add('cpuStream', target, many.cpuPerThousand);
  ledger.add('first16', target, firstToken(many));
  ledger.add('first1', target, firstToken(await measure(bench, target, { concurrency: 1, turns: turns(200), ...STREAM })));
}

/** The model's first chunk leaves at once, so what the reader waited for is what the server added (and one loopback hop more). */
const firstToken = (figures: Figures): number => figures.firstTokenMs?.p50 ?? Number.NaN;

async function startsPart(upstream: Upstream, ledger: Ledger): Promise<void> {
  if (!wants('start')) return;
  for (let run = 0; run < (quick ? 3 : 7); run += 1) {
    for (const start of [() => startFloor(upstream.port, HISTORY_MESSAGES), () => startHoldfast(upstream)]) {
      const target = await start();
      ledger.add('cold', target, target.readyAfterMs);
      if (run === 0) {
        await wait(2_000);
        ledger.add('idle', target, rssMegabytes(target.pid));
      }
      await target.stop();
    }
  }
}

async function stallPart(bench: Bench, upstream: Upstream, ledger: Ledger): Promise<void> {
  if (!wants('stall')) return;
  const folder = temporaryFolder('stall');
  const library = slowDiskLibrary(folder);
  const file = join(folder, 'stall.json');
  const target = await startHoldfast(upstream, {
    env: { STALL_PROBE_FILE: file, ...(library ? { LD_PRELOAD: library } : {}) },
    nodeArgs: ['--import', join(here, 'stall-probe.ts')],
  });
  await measure(bench, target, { concurrency: 16, turns: 64 });
  process.kill(target.pid, 'SIGUSR2');
  await measure(bench, target, { concurrency: 16, turns: turns(2_000), model: { latencyMs: 20 } });
  await closeConversations(bench, target);
  await target.stop();
  const { p99 } = (await import(file, { with: { type: 'json' } })).default as { p99: number };
  ledger.add('stall', target, p99);
  if (!library) ledger.note('stall', 'no C compiler: this disk as it is');
  rmSync(folder, { recursive: true });
}

async function growthPart(bench: Bench, upstream: Upstream, ledger: Ledger): Promise<void> {
  if (!wants('growth') || (quick && !only)) return;
  const target = await startHoldfast(upstream);
  const at: Record<string, number> = {};
  let done = 0;
  for (const [id, until] of [
    ['rss2k', 2_000],
    ['rss20k', 20_000],
    ['rss40k', 40_000],
  ] as const) {
    done += (await measure(bench, target, { concurrency: 64, turns: until - done - 768 })).turns + 768;
    at[id] = rssMegabytes(target.pid);
    ledger.add(id, target, at[id]);
  }
  ledger.add('growth', target, ((at.rss40k ?? 0) / (at.rss20k ?? 1) - 1) * 100);
  await closeConversations(bench, target);
  await target.stop();
}

async function profilePart(bench: Bench, upstream: Upstream): Promise<void> {
  const folder = temporaryFolder('profile');
  const target = await startHoldfast(upstream, { nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${folder}`] });
  await measure(bench, target, { concurrency: 64, turns: turns(12_000) });
  await closeConversations(bench, target);
  await target.stop();
  for (const { thread, busyMs, functions, files } of readProfiles(folder)) {
    console.log(`\n${thread}: ${(busyMs / 1000).toFixed(2)} s busy`);
    for (const line of files.slice(0, 20)) console.log(`  ${(line.share * 100).toFixed(1).padStart(5)} %  ${line.file}`);
    console.log('');
    for (const line of functions) console.log(`  ${(line.share * 100).toFixed(1).padStart(5)} %  ${line.name.padEnd(32)} ${line.file}`);
  }
  rmSync(folder, { recursive: true });
}

const closeConversations = (bench: Bench, target: Target): Promise<unknown> => bench.load.ask({ close: target.name });

function report(lines: Line[], seconds: number): void {
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}, ${pinning}`;
  const text = `# Holdfast beside the bare floor\n\n${machine}; ${quick ? 'quick run, ' : ''}${seconds.toFixed(0)} s; ${HISTORY_MESSAGES} messages of history.\n\n${table(lines)}\n`;
  const folder = join(here, 'results');
  mkdirSync(folder, { recursive: true });
  const name = new Date().toISOString().replace(/[:.]/g, '-');
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ machine, quick, lines }, null, 2));
  writeFileSync(join(folder, `${name}.md`), text);
  console.log(`\n${text}`);
}

const began = performance.now();
pinSelf();
const upstreamProcess = startCompanion('upstream.ts');
const load = startCompanion('load.ts');
const { port } = (await upstreamProcess.hello) as { port: number };
const upstream: Upstream = { port, url: `http://127.0.0.1:${port}` };
const bench: Bench = { load, upstream: upstreamProcess, historyMessages: HISTORY_MESSAGES };
const ledger = createLedger();
if (profiled) await profilePart(bench, upstream);
else {
  for (let round = 0; round < (quick ? 1 : 2); round += 1) {
    for (const start of [() => startFloor(port, HISTORY_MESSAGES), () => startHoldfast(upstream)]) {
      const target = await start();
      await turnsPart(bench, target, ledger);
      await streamsPart(bench, target, ledger);
      await closeConversations(bench, target);
      await target.stop();
    }
  }
  await startsPart(upstream, ledger);
  await stallPart(bench, upstream, ledger);
  await growthPart(bench, upstream, ledger);
  report(ledger.lines(), (performance.now() - began) / 1000);
}
load.end();
upstreamProcess.end();
