// Line charts as SVG text: no script, no font, no request. Colours are classes, so that light and dark are the page's business.

export interface Series {
  name: string;
  /** In the order of `Chart.xs`; null is a gap. */
  values: readonly (number | null)[];
}

export interface Chart {
  title: string;
  unit: string;
  xs: readonly number[];
  xName: string;
  /** Evenly spaced, whatever the distances: steps, not a scale. */
  isOrdinal?: boolean;
  /** At most four: that many colours can be told apart. */
  series: readonly Series[];
}

const WIDTH = 420;
const HEIGHT = 220;
const LEFT = 46;
const RIGHT = 10;
const TOP = 12;
const BOTTOM = 34;
const TICKS = 4;

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[char] ?? '');

/** Undefined when there is nothing to draw. */
export function chartHtml(chart: Chart): string | undefined {
  const shown = chart.series.filter(({ values }) => values.some((value) => value !== null));
  if (shown.length === 0 || chart.xs.length === 0) return undefined;
  const legend = shown.map(({ name }, index) => `<span class="key k${index}">${escapeHtml(name)}</span>`).join(' ');
  const label = `${chart.title}: ${shown.map(({ name, values }) => `${name} up to ${figure(greatest(values))} ${chart.unit}`).join(', ')}`;
  return `<figure><figcaption><b>${escapeHtml(chart.title)}</b> <small>${escapeHtml(chart.unit)}</small><span class="legend">${legend}</span></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(label)}">${drawing({ ...chart, series: shown })}</svg>
<details><summary>Figures</summary>${figures({ ...chart, series: shown })}</details></figure>`;
}

function drawing({ xs: values, xName, series, unit, isOrdinal = false }: Chart): string {
  const xs = isOrdinal ? values.map((_, index) => index) : values;
  const named = (at: number) => figure(isOrdinal ? (values[at] ?? null) : at);
  const top = niceCeiling(Math.max(...series.map(({ values }) => greatest(values))));
  const [first = 0, last = 0] = [xs[0], xs.at(-1)];
  const x = (value: number) => LEFT + (last === first ? 0.5 : (value - first) / (last - first)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);
  const grid = Array.from({ length: TICKS + 1 }, (_, index) => {
    const value = (top / TICKS) * index;
    return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}"/><text class="y" x="${LEFT - 6}" y="${y(value) + 4}">${figure(value)}</text>`;
  });
  const marks = tickPlaces(xs, isOrdinal ? 12 : 5).map(
    (value) => `<text class="x" x="${x(value).toFixed(1)}" y="${HEIGHT - 16}">${named(value)}</text>`,
  );
  const lines = series.map(({ values }, index) => linesOf(values, xs.map(x), y, index));
  const half = xs.length > 1 ? (x(xs[1] ?? 0) - x(first)) / 2 : WIDTH / 2;
  const hints = xs.map((at, index) => {
    const said = series.map(({ name, values }) => `${name}: ${figure(values[index] ?? null)} ${unit}`).join('\n');
    return `<rect class="hint" x="${(x(at) - half).toFixed(1)}" y="${TOP}" width="${(half * 2).toFixed(1)}" height="${HEIGHT - TOP - BOTTOM}"><title>${escapeHtml(`${xName} ${named(at)}\n${said}`)}</title></rect>`;
  });
  const name = `<text class="x" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 2}">${escapeHtml(xName)}</text>`;
  return [...grid, ...marks, name, ...lines, ...hints].join('');
}

/** One path for each stretch without a gap; a value alone is a dot. */
function linesOf(values: readonly (number | null)[], xs: readonly number[], y: (value: number) => number, index: number): string {
  const stretches: string[][] = [[]];
  values.forEach((value, at) => {
    if (value === null) stretches.push([]);
    else stretches.at(-1)?.push(`${(xs[at] ?? 0).toFixed(1)} ${y(value).toFixed(1)}`);
  });
  return stretches
    .filter((points) => points.length > 0)
    .map((points) => {
      const [x, top] = points[0]?.split(' ') ?? [];
      return points.length === 1
        ? `<circle class="dot s${index}" cx="${x}" cy="${top}" r="3"/>`
        : `<path class="line s${index}" d="M${points.join('L')}"/>`;
    })
    .join('');
}

function figures({ xs, xName, series, unit }: Chart): string {
  const head = [xName, ...series.map(({ name }) => `${name} (${unit})`)].map((text) => `<th>${escapeHtml(text)}</th>`).join('');
  const rows = xs.map(
    (at, index) => `<tr><td>${figure(at)}</td>${series.map(({ values }) => `<td>${figure(values[index] ?? null)}</td>`).join('')}</tr>`,
  );
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

/** So many places on the x axis at most, of those that were measured. */
function tickPlaces(xs: readonly number[], most: number): number[] {
  const every = Math.max(1, Math.ceil(xs.length / most));
  return xs.filter((_, index) => index % every === 0);
}

function niceCeiling(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}

const greatest = (values: readonly (number | null)[]): number => values.reduce<number>((top, value) => Math.max(top, value ?? 0), 0);

function figure(value: number | null): string {
  if (value === null) return '–';
  if (value >= 10_000) return `${Number((value / 1000).toFixed(1))}k`;
  return String(Number(value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)));
}
