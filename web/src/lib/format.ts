// Figures and times for people. One way of writing each, everywhere.

const count = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const decimal = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export const formatCount = (value: number): string => (Math.abs(value) < 100_000 ? count.format(value) : compact.format(value));

export function formatMs(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  if (ms < 1) return '<1 ms';
  if (ms < 1_000) return `${count.format(ms)} ms`;
  if (ms < 60_000) return `${decimal.format(ms / 1_000)} s`;
  return `${count.format(Math.floor(ms / 60_000))} min ${count.format(Math.round((ms % 60_000) / 1_000))} s`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const unit = bytes < 1_000_000 ? 'kB' : bytes < 1_000_000_000 ? 'MB' : 'GB';
  const size = unit === 'kB' ? 1_000 : unit === 'MB' ? 1_000_000 : 1_000_000_000;
  return `${decimal.format(bytes / size)} ${unit}`;
}

export const formatPercent = (share: number): string => `${decimal.format(share * 100)} %`;

/** The two largest units: `3 d 4 h`, `12 min`. */
export function formatDuration(seconds: number): string {
  const units: [string, number][] = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ];
  let rest = Math.max(0, Math.floor(seconds));
  const said: string[] = [];
  for (const [name, size] of units) {
    const whole = Math.floor(rest / size);
    rest -= whole * size;
    if (whole > 0) said.push(`${whole} ${name}`);
    if (said.length === 2) break;
  }
  return said.length === 0 ? '0 s' : said.join(' ');
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const dayOfYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

export const formatClock = (at: Date): string => clock.format(at);

/** Today only the time; this year without the year. */
export function formatWhen(iso: string | null | undefined, now = new Date()): string {
  const at = new Date(iso ?? Number.NaN);
  if (Number.isNaN(at.getTime())) return '–';
  if (at.toDateString() === now.toDateString()) return clock.format(at);
  return `${(at.getFullYear() === now.getFullYear() ? day : dayOfYear).format(at)} ${clock.format(at)}`;
}

/** The end tells two ids apart: the beginning is the time. */
export const shortId = (id: string): string => (id.length > 14 ? `${id.slice(0, 4)}…${id.slice(-6)}` : id);
