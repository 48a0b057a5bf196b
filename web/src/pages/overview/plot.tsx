// The drawing itself. Loaded when the first chart is shown, so that the library is no part of the first page.
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { useIsDark } from '../../lib/theme.ts';
import type { ChartLine } from './chart-lines.ts';

export interface PlotProps {
  /** Start of each step, seconds since 1970. */
  times: readonly number[];
  stepS: number;
  lines: readonly ChartLine[];
  /** Bars upon each other, or one line each. */
  shape: 'bars' | 'lines';
  format(value: number): string;
  onHover(index: number | null): void;
  onPick(index: number): void;
}

const HEIGHT = 200;
const AXIS_WIDTH = 56;
const FONT = '11px ui-sans-serif, system-ui, sans-serif';
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

/** Bars stand upon each other by drawing the sums, the highest first. Lines are as they are. */
function columnsOf({ times, lines, shape }: PlotProps): uPlot.AlignedData {
  if (shape === 'lines') return [times.slice(), ...lines.map(({ values }) => values.slice())];
  const sums = lines.map((_, last) =>
    times.map((_, at) => {
      const known = lines.slice(0, last + 1).map(({ values }) => values[at] ?? null);
      return known.every((value) => value === null) ? null : known.reduce<number>((sum, value) => sum + (value ?? 0), 0);
    }),
  );
  return [times.slice(), ...sums.reverse()];
}

function seriesOf({ lines, shape }: PlotProps, color: (token: string) => string): uPlot.Series[] {
  if (shape === 'lines') {
    return lines.map((line) => ({
      stroke: color(line.color),
      width: 2,
      ...(line.dash && { dash: [...line.dash] }),
      points: { show: true, size: 5, fill: color(line.color) },
    }));
  }
  const paths = uPlot.paths.bars?.({ size: [0.82, 24], align: 1 });
  return lines.map((line) => ({ fill: color(line.color), width: 0, points: { show: false }, ...(paths && { paths }) })).reverse();
}

function axesOf(color: (token: string) => string, format: (value: number) => string): uPlot.Axis[] {
  const look = { stroke: color('muted'), font: FONT, ticks: { show: false }, grid: { stroke: color('line'), width: 1 } };
  return [
    { ...look, grid: { show: false }, size: 28, space: 70, values: (_, splits) => splits.map((at) => clock.format(new Date(at * 1_000))) },
    { ...look, size: AXIS_WIDTH, space: 36, values: (_, splits) => splits.map((value) => (value === 0 ? '0' : format(value))) },
  ];
}

export function Plot(props: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlot>(undefined);
  const latest = useRef(props);
  const isDark = useIsDark();
  useEffect(() => {
    latest.current = props;
    drawn.current?.setData(columnsOf(props));
  });
  const names = props.lines.map(({ label }) => label).join('\n');

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours and the set of lines are fixed in a drawing; new figures only need new data.
  useEffect(() => {
    const host = place.current;
    if (!host) return;
    const style = getComputedStyle(document.documentElement);
    const color = (token: string) => style.getPropertyValue(`--${token}`).trim();
    const now = () => latest.current;
    const indexAt = (at: number) => {
      const { times, stepS } = now();
      return Math.max(0, Math.min(times.length - 1, Math.floor((at - (times[0] ?? 0)) / stepS)));
    };
    const chart = new uPlot(
      {
        width: host.clientWidth,
        height: HEIGHT,
        padding: [8, 18, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { show: false }, dataIdx: (_, __, ___, at) => indexAt(at) },
        scales: {
          x: { range: () => [now().times[0] ?? 0, (now().times.at(-1) ?? 0) + now().stepS] },
          y: { range: (_, __, most) => [0, Math.max(1, (most ?? 0) * 1.1)] },
        },
        axes: axesOf(color, (value) => now().format(value)),
        series: [{}, ...seriesOf(now(), color)],
        hooks: { setCursor: [({ cursor }) => now().onHover((cursor.left ?? -1) < 0 ? null : (cursor.idx ?? null))] },
      },
      columnsOf(now()),
      host,
    );
    drawn.current = chart;
    chart.over.style.cursor = 'pointer';
    chart.over.addEventListener('click', () => typeof chart.cursor.idx === 'number' && now().onPick(chart.cursor.idx));
    const watcher = new ResizeObserver(() => chart.setSize({ width: host.clientWidth, height: HEIGHT }));
    watcher.observe(host);
    return () => {
      watcher.disconnect();
      drawn.current = undefined;
      chart.destroy();
    };
  }, [isDark, names, props.shape, props.stepS]);
  return <div ref={place} className="h-[200px] w-full overflow-hidden" />;
}
