/** One line of the result. `bar` must be met; `goal` is what the design aims at; the floor is measured in the same run. */
export interface Line {
  id: string;
  what: string;
  unit: string;
  bar: number | null;
  goal: number | null;
  /** `most`: the figure must not pass the bar; `least`: it must reach it. */
  sense: 'most' | 'least';
  holdfast: number[];
  floor: number[];
  note?: string;
}

type Definition = Omit<Line, 'holdfast' | 'floor' | 'note' | 'id'>;
const most = (what: string, unit: string, bar: number | null, goal: number | null): Definition => ({
  what,
  unit,
  bar,
  goal,
  sense: 'most',
});
const least = (what: string, unit: string, bar: number | null, goal: number | null): Definition => ({
  what,
  unit,
  bar,
  goal,
  sense: 'least',
});

export const LINES: Record<string, Definition> = {
  cpu64: most('CPU per 1,000 turns, 64 at once', 's', 0.6, 0.3),
  cpu16: most('CPU per 1,000 turns, 16 at once', 's', 0.9, 0.45),
  cpu1: most('CPU per 1,000 turns, 1 at once', 's', 2.0, 1.2),
  rate64: least('turns per second on one core, 64 at once', '/s', 1_500, 3_000),
  p50: most('p50 latency, 64 at once', 'ms', 40, 20),
  p99: most('p99 latency, 64 at once', 'ms', 150, 70),
  rate256: least('turns per second, 256 at once, model takes 200 ms', '/s', 1_000, 1_200),
  first1: most('added time to first token, 1 stream', 'ms', 3, 2),
  first16: most('added time to first token, 16 streams', 'ms', 8, 4),
  cpuStream: most('CPU per 1,000 streamed turns of 10 chunks', 's', 2.0, 1.2),
  stall: most('event-loop stall p99, an fsync takes 10 ms', 'ms', 20, 10),
  cold: most('cold start to ready, fresh home', 'ms', 450, 250),
  idle: most('memory when idle', 'MB', 120, 105),
  rss2k: most('memory at turn 2,000', 'MB', null, null),
  rss20k: most('memory at turn 20,000', 'MB', null, 200),
  rss40k: most('memory at turn 40,000', 'MB', null, 200),
  growth: most('change of memory from turn 20,000 to 40,000', '%', 10, 10),
};

export const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const digits = (unit: string): number => ({ s: 3, ms: 1, '%': 1 })[unit] ?? 0;
const show = (value: number | null, unit: string): string => (value === null || Number.isNaN(value) ? '–' : value.toFixed(digits(unit)));

export function verdict(line: Line): 'goal' | 'bar' | 'MISSED' | '' {
  const figure = Math.abs(mean(line.holdfast));
  if (Number.isNaN(figure)) return '';
  const meets = (limit: number | null) => limit !== null && (line.sense === 'most' ? figure <= limit : figure >= limit);
  if (meets(line.goal)) return 'goal';
  if (meets(line.bar)) return 'bar';
  return line.bar === null ? '' : 'MISSED';
}

/** A Markdown table; every run's figure stands beside the mean, so that noise can be seen. */
export function table(lines: Line[]): string {
  const head = ['', 'bar', 'goal', 'holdfast', '(runs)', 'floor', 'ratio', 'meets'];
  const rows = lines.map((line) => {
    const own = mean(line.holdfast);
    const floor = line.floor.length > 0 ? mean(line.floor) : null;
    const sign = line.sense === 'most' ? '≤' : '≥';
    const limit = (value: number | null) => (value === null ? '–' : `${sign} ${value.toLocaleString('en')}`);
    return [
      `${line.what}, ${line.unit}`,
      limit(line.bar),
      limit(line.goal),
      show(own, line.unit),
      line.holdfast.map((value) => show(value, line.unit)).join(' '),
      show(floor, line.unit),
      floor === null ? '–' : (own / floor).toFixed(2),
      verdict(line) + (line.note ? ` (${line.note})` : ''),
    ];
  });
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const format = (row: string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [format(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(format)].join('\n');
}
