// What the terminal shows: one line while it runs, a summary at the end.
import type { Recorder } from './recorder.ts';
import { percentiles } from './recorder.ts';
import type { Result } from './result.ts';

interface Terminal {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const PLAIN_EVERY_S = 5;

/** On a terminal one line that is written over; elsewhere a line every five seconds. */
export function createProgress(out: Terminal, recorder: Recorder, durationS: number) {
  let seen = 0;
  let lastLineAtS = Number.NEGATIVE_INFINITY;
  return {
    update() {
      const atS = recorder.elapsedS();
      if (!out.isTTY && atS - lastLineAtS < PLAIN_EVERY_S - 0.1) return;
      const fresh = recorder.samples.slice(seen);
      const sinceS = Math.max(0.1, atS - Math.max(0, lastLineAtS));
      seen = recorder.samples.length;
      lastLineAtS = atS;
      const figures = percentiles(fresh.filter(({ isError }) => !isError).map(({ ms }) => ms));
      const errors = recorder.samples.filter(({ isError }) => isError).length;
      const last = recorder.readings.at(-1);
      const line = [
        `${Math.min(atS, durationS).toFixed(0).padStart(3)}/${durationS.toFixed(0)} s`,
        `${(fresh.length / sinceS).toFixed(0)} turns/s`,
        figures ? `p50 ${ms(figures.p50)}, p99 ${ms(figures.p99)}` : 'no answer yet',
        `${errors} errors`,
        ...(last?.cpuPercent == null ? [] : [`cpu ${last.cpuPercent.toFixed(0)} %`]),
        ...(last?.rssBytes == null ? [] : [`${megabytes(last.rssBytes)} MiB`]),
      ].join('  ');
      out.write(out.isTTY ? `\r\u001b[2K${line.slice(0, (out.columns ?? 80) - 1)}` : `${line}\n`);
    },
    end() {
      if (out.isTTY) out.write('\r\u001b[2K');
    },
  };
}

export function summary(result: Result): string {
  const { latencyMs: latency, firstTokenMs: first, verification: v, server } = result;
  const rows: [string, string][] = [
    ['Agent', result.agent],
    [
      'Load',
      `${result.options.scenario}, ${result.options.connections} connections, ${result.seconds.toFixed(1)} s${result.options.rate ? `, ${result.options.rate}/s due` : ''}`,
    ],
    ['Answered', `${result.answered} (${result.perSecond.toFixed(1)}/s), ${result.degraded} of them degraded`],
    [
      'Latency',
      latency ? `p50 ${ms(latency.p50)}  p95 ${ms(latency.p95)}  p99 ${ms(latency.p99)}  max ${ms(latency.max)}` : 'nothing was answered',
    ],
    ...(first ? [['First token', `p50 ${ms(first.p50)}  p95 ${ms(first.p95)}  p99 ${ms(first.p99)}`] as [string, string]] : []),
    ['Errors', errorText(result)],
    ['Server', serverText(server)],
    ['Checked', checkText(result)],
  ];
  const lines = rows.map(([label, value]) => `${label.padEnd(12)} ${value}`);
  if (result.steps.length > 0) {
    lines.push('', 'connections   turns/s       p50       p99   errors');
    for (const step of result.steps)
      lines.push(
        [
          String(step.connections).padStart(11),
          step.perSecond.toFixed(1).padStart(9),
          ms(step.p50).padStart(9),
          ms(step.p99).padStart(9),
          String(step.errors).padStart(8),
        ].join(' '),
      );
  }
  if (!v.holds) lines.push('', 'NOT AS PROMISED: the agent does not have exactly what it answered.');
  for (const { name, wanted, found, holds } of result.limits)
    lines.push(`${holds ? 'ok  ' : 'FAIL'}         ${name}: ${found} (${wanted})`);
  lines.push('', ...result.notes.map((note) => `Note: ${note}`));
  return `${lines.join('\n')}\n`;
}

function errorText({ errors, cutAtTheEnd }: Result): string {
  const codes = Object.entries(errors.byCode).map(([code, count]) => `${code} ${count}`);
  const cut = cutAtTheEnd > 0 ? `; ${cutAtTheEnd} under way when the time was over` : '';
  return `${errors.total}${codes.length > 0 ? ` (${codes.join(', ')})` : ''}${cut}`;
}

function serverText({ cpuPercentMean, rssBytesMax }: Result['server']): string {
  const cpu = cpuPercentMean === null ? 'CPU not known' : `CPU ${cpuPercentMean.toFixed(0)} % of a core`;
  return `${cpu}, ${rssBytesMax === null ? 'memory not known' : `at most ${megabytes(rssBytesMax)} MiB`}`;
}

export function checkText({ verification: v }: Result): string {
  const counted = v.serverAccepted === null ? '' : `, the agent counted ${v.serverAccepted}`;
  return `${v.sent} keys sent, ${v.answered} answered (${v.askedAgain} when asked again), ${v.refused} refused, ${v.unknown} unknown; ${v.stored} stored${counted}; lost ${v.lost}, doubled ${v.doubled}, different ${v.different}, replayed ${v.replayed} (wrong ${v.replayedWrong})`;
}

export const megabytes = (bytes: number): string => (bytes / 1_048_576).toFixed(0);

export function ms(value: number | null): string {
  if (value === null) return '–';
  return value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}
