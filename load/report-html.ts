// The report of a run as one file: opens from a disk, asks nobody for anything, keeps its figures as JSON inside.
import { type Chart, chartHtml, escapeHtml } from './charts.ts';
import { checkText, megabytes, ms } from './report-text.ts';
import type { Result } from './result.ts';

const STYLE = `
:root { color-scheme: light dark; --text: #1c2430; --quiet: #5a6675; --back: #f6f7f9; --card: #fff; --line: #dde2e8; --good: #12703a; --bad: #b3261e;
  --c0: #1f5fbf; --c1: #b25500; --c2: #a01f6a; --c3: #12703a; }
@media (prefers-color-scheme: dark) { :root { --text: #e7ebf0; --quiet: #9aa7b5; --back: #12161c; --card: #1a2029; --line: #323b47; --good: #5fce8c; --bad: #ff8a80;
  --c0: #7fb0ff; --c1: #ffb066; --c2: #f28bc4; --c3: #5fce8c; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 1.25rem; font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); }
main { max-width: 64rem; margin: 0 auto; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .75rem; }
p { margin: .25rem 0; } small, .quiet { color: var(--quiet); }
.verdict { display: inline-block; margin: .75rem 0; padding: .3rem .75rem; border-radius: 1rem; font-weight: 600; border: 1px solid; }
.good { color: var(--good); } .bad { color: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 1rem 0; }
.tiles div, figure, .card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; }
.tiles b { display: block; font-size: 1.35rem; line-height: 1.3; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem; }
figure { margin: 0; min-width: 0; } svg { display: block; width: 100%; height: auto; }
.legend { float: right; font-size: .85rem; } .key { white-space: nowrap; margin-left: .6rem; }
.key::before { content: ''; display: inline-block; width: .8em; height: .25em; margin-right: .35em; vertical-align: middle; background: currentColor; }
.k0, .s0 { color: var(--c0); } .k1, .s1 { color: var(--c1); } .k2, .s2 { color: var(--c2); } .k3, .s3 { color: var(--c3); }
.line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; } .dot { fill: currentColor; }
.grid { stroke: var(--line); } .hint { fill: transparent; } .hint:hover { fill: var(--text); fill-opacity: .07; }
svg text { font-size: 12px; fill: var(--quiet); } .y { text-anchor: end; } .x { text-anchor: middle; }
details summary { cursor: pointer; font-size: .85rem; color: var(--quiet); } .scroll { overflow: auto; max-height: 18rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--line); } th:first-child, td:first-child { text-align: left; }
li { margin: .35rem 0; }
`;

export function reportHtml(result: Result): string {
  const { options, startedAt } = result;
  const charts = chartsOf(result).flatMap((chart) => chartHtml(chart) ?? []);
  const load = `${options.scenario}, ${options.connections} connections, ${result.seconds.toFixed(0)} s${options.rate === undefined ? '' : `, ${options.rate} messages a second`}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"><link rel="icon" href="data:,">
<title>Load test, ${escapeHtml(startedAt.slice(0, 16).replace('T', ' '))}</title><style>${STYLE}</style></head><body><main>
<h1>Load test</h1>
<p>${escapeHtml(result.agent)}</p>
<p class="quiet">${escapeHtml(load)} · <time datetime="${startedAt}">${startedAt.slice(0, 19).replace('T', ' ')} UTC</time></p>
<p class="verdict ${result.passed ? 'good' : 'bad'}">${verdict(result)}</p>
<div class="tiles">${tiles(result)}</div>
<h2>Kept its word?</h2>
<div class="card"><p>${promise(result)}</p><p class="quiet">${escapeHtml(checkText(result))}.</p></div>
${limits(result)}${errors(result)}
<h2>Over time</h2>
<div class="charts">${charts.join('\n')}</div>
<h2>How to read this</h2>
<ul>${result.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('')}</ul>
</main><script type="application/json" id="result">${JSON.stringify(result).replaceAll('<', '\\u003c')}</script></body></html>
`;
}

function verdict({ passed, verification, limits }: Result): string {
  if (passed) return limits.length > 0 ? 'Passed' : 'Nothing lost, nothing doubled';
  return verification.holds ? 'A limit was not kept' : 'Not as promised';
}

function promise({ verification: v }: Result): string {
  if (v.holds)
    return `<b class="good">Yes.</b> Each of the ${v.answered} answered messages is stored once, with the reply that was given, and its key gives the same turn again.`;
  const wrong: [number, string][] = [
    [v.lost, 'answered and not stored'],
    [v.doubled, 'stored twice'],
    [v.different, 'stored with another reply'],
    [v.replayedWrong, 'answered otherwise under the same key'],
    [v.unknown, 'without any answer, also when asked again'],
  ];
  const said = wrong.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return `<b class="bad">No.</b> ${said.join(', ') || 'The agent counted fewer messages than it answered'}.`;
}

function tiles(result: Result): string {
  const { latencyMs: latency, firstTokenMs: first, server } = result;
  const list: [string, string][] = [
    ['turns a second', result.perSecond.toFixed(1)],
    ['answered', String(result.answered)],
    ['p50', ms(latency?.p50 ?? null)],
    ['p95', ms(latency?.p95 ?? null)],
    ['p99', ms(latency?.p99 ?? null)],
    ...(first ? [['first token, p50', ms(first.p50)] as [string, string], ['first token, p99', ms(first.p99)] as [string, string]] : []),
    ['errors', String(result.errors.total)],
    ['degraded', String(result.degraded)],
    ...(server.cpuPercentMean === null ? [] : [['server CPU, of a core', `${server.cpuPercentMean.toFixed(0)} %`] as [string, string]]),
    ...(server.rssBytesMax === null ? [] : [['server memory, most', `${megabytes(server.rssBytesMax)} MiB`] as [string, string]]),
  ];
  return list.map(([label, value]) => `<div><b>${escapeHtml(value)}</b><small>${escapeHtml(label)}</small></div>`).join('');
}

function limits({ limits: judged }: Result): string {
  if (judged.length === 0) return '';
  const rows = judged.map(
    ({ name, wanted, found, holds }) =>
      `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(wanted)}</td><td>${escapeHtml(found)}</td><td class="${holds ? 'good' : 'bad'}">${holds ? 'kept' : 'not kept'}</td></tr>`,
  );
  return `<h2>Limits</h2><div class="card scroll"><table><thead><tr><th>limit</th><th>wanted</th><th>found</th><th></th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function errors({ errors: { byCode } }: Result): string {
  const codes = Object.entries(byCode).sort(([, a], [, b]) => b - a);
  if (codes.length === 0) return '';
  const rows = codes.map(([code, count]) => `<tr><td>${escapeHtml(code)}</td><td>${count}</td></tr>`);
  return `<h2>Errors</h2><div class="card scroll"><table><thead><tr><th>code</th><th>times</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function chartsOf({ slices, steps, server: { readings } }: Result): Chart[] {
  const times = { xs: slices.map(({ atS }) => atS), xName: 'seconds' };
  const looks = { xs: readings.map(({ atS }) => atS), xName: 'seconds' };
  const byStep = { xs: steps.map(({ connections }) => connections), xName: 'connections', isOrdinal: true };
  const hasTrouble = slices.some((slice) => slice.errors > 0 || slice.degraded > 0);
  return [
    { title: 'Throughput by connections', unit: '/s', ...byStep, series: [{ name: 'turns', values: steps.map((step) => step.perSecond) }] },
    {
      title: 'Latency by connections',
      unit: 'ms',
      ...byStep,
      series: [
        { name: 'p50', values: steps.map((step) => step.p50) },
        { name: 'p99', values: steps.map((step) => step.p99) },
      ],
    },
    { title: 'Throughput', unit: '/s', ...times, series: [{ name: 'turns', values: slices.map((slice) => slice.perSecond) }] },
    {
      title: 'Latency',
      unit: 'ms',
      ...times,
      series: (['p50', 'p95', 'p99'] as const).map((name) => ({ name, values: slices.map((slice) => slice[name]) })),
    },
    {
      title: 'Time to first token',
      unit: 'ms',
      ...times,
      series: [
        { name: 'p50', values: slices.map((slice) => slice.firstTokenP50) },
        { name: 'p95', values: slices.map((slice) => slice.firstTokenP95) },
      ],
    },
    {
      title: 'Errors and degraded answers',
      unit: 'in a slice',
      ...times,
      series: hasTrouble
        ? [
            { name: 'errors', values: slices.map((slice) => slice.errors) },
            { name: 'degraded', values: slices.map((slice) => slice.degraded) },
          ]
        : [],
    },
    {
      title: 'CPU',
      unit: '% of a core',
      ...looks,
      series: [
        { name: 'server', values: readings.map(({ cpuPercent }) => cpuPercent) },
        { name: 'load generator', values: readings.map(({ ownCpuPercent }, index) => (index === 0 ? null : ownCpuPercent)) },
      ],
    },
    {
      title: 'Server memory',
      unit: 'MiB',
      ...looks,
      series: [{ name: 'resident', values: readings.map(({ rssBytes }) => (rssBytes === null ? null : rssBytes / 1_048_576)) }],
    },
    { title: 'Open turns', unit: 'turns', ...looks, series: [{ name: 'open', values: readings.map(({ open }) => open) }] },
  ];
}
