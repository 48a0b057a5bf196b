// What the run costs the server, once a second: from /v1/status and /metrics, or from the process when it is ours.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { call, readServerStatus, type Target } from './api.ts';
import type { Recorder } from './recorder.ts';

const EVERY_MS = 1_000;

export interface Watch {
  stop(): void;
}

export function watch(target: Target & { pid?: number }, recorder: Recorder, onReading: () => void): Watch {
  const server = createCpuMeter(() => serverCpuSeconds(target));
  const own = createCpuMeter(async () => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6);
  let isBusy = false;
  const look = async () => {
    const [status, cpuPercent, ownCpuPercent] = await Promise.all([readServerStatus(target), server(), own()]);
    recorder.read({
      rssBytes: status?.memory.rssBytes ?? null,
      open: status?.requests.open ?? null,
      cpuPercent,
      ownCpuPercent: ownCpuPercent ?? 0,
    });
    onReading();
  };
  const timer = setInterval(() => {
    // A server too busy to say how it is leaves a gap, not a queue.
    if (isBusy) return;
    isBusy = true;
    void look().finally(() => {
      isBusy = false;
    });
  }, EVERY_MS);
  void look();
  return { stop: () => clearInterval(timer) };
}

/** Percent of one core since the last look; null for the first one and where it cannot be known. */
function createCpuMeter(read: () => Promise<number | null>): () => Promise<number | null> {
  let last: { seconds: number; at: number } | undefined;
  return async () => {
    const seconds = await read();
    if (seconds === null) return null;
    const at = performance.now();
    const percent = last === undefined ? null : Math.max(0, ((seconds - last.seconds) / ((at - last.at) / 1000)) * 100);
    last = { seconds, at };
    return percent;
  };
}

async function serverCpuSeconds(target: Target & { pid?: number }): Promise<number | null> {
  if (target.pid !== undefined) return processCpuSeconds(target.pid);
  const answer = await call(target, 'GET', '/metrics').catch(() => undefined);
  const match = answer?.status === 200 ? /^process_cpu_seconds_total ([\d.e+-]+)$/m.exec(answer.text) : null;
  return match ? Number(match[1]) : null;
}

const TICKS_PER_SECOND = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout) || 100;

/** All threads. Null where there is no /proc. */
function processCpuSeconds(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return null; // another system, or the process is gone
  }
}
