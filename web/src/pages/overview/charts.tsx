import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { StepName } from '../../../../src/contract/series.ts';
import { api } from '../../lib/api.ts';
import { formatCount, formatMs } from '../../lib/format.ts';
import { keep, kept } from '../../lib/keep.ts';
import { useLiveEvent } from '../../lib/live.ts';
import { narrow, usePlace } from '../../lib/router.ts';
import { useThrottled } from '../../lib/throttled.ts';
import { Failure } from '../../parts/failure.tsx';
import { Chart } from './chart.tsx';
import { errorLines, latencyLines, outcomeLines, tokenLines } from './chart-lines.ts';

/** Steps wide enough to be hit by a pointer. */
const WINDOWS = { '15m': '30s', '1h': '1m', '24h': '15m' } as const satisfies Record<string, StepName>;
type WindowName = keyof typeof WINDOWS;
const NAMES: readonly WindowName[] = ['15m', '1h', '24h'];
const LABELS: Record<WindowName, string> = { '15m': '15 min', '1h': '1 h', '24h': '24 h' };
const REFRESH_MS = 1_000;
const POLL_MS = 15_000;

const choose = (name: WindowName) => {
  keep('window', name);
  narrow({ window: name });
};

export function Charts() {
  const { query } = usePlace();
  const client = useQueryClient();
  const name = NAMES.find((known) => known === (query.window ?? kept('window'))) ?? '1h';
  const series = useQuery({
    queryKey: ['series', name],
    queryFn: () => api.series({ query: { window: name, step: WINDOWS[name] } }),
    placeholderData: (before) => before,
    refetchInterval: POLL_MS,
  });
  const refresh = useThrottled(() => void client.invalidateQueries({ queryKey: ['series'] }), REFRESH_MS);
  useLiveEvent(({ type }) => {
    if (type === 'turn.ended' || type === 'reset') refresh();
  });
  const { data } = series;
  return (
    <section aria-labelledby="over-time" className="flex flex-col gap-4">
      <div className="flex items-center justify-between gap-3">
        <h2 id="over-time" className="text-base font-semibold">
          Over time
        </h2>
        <Windows chosen={name} />
      </div>
      {series.isError && <Failure error={series.error} retry={() => void series.refetch()} />}
      {!series.isError && !data && <Waiting />}
      {data && (
        <div className="grid gap-4 lg:grid-cols-2">
          <Chart
            title="Requests by outcome"
            series={data}
            lines={outcomeLines(data)}
            shape="bars"
            format={formatCount}
            nothing="No turn ended in this time."
          />
          <Chart
            title="Latency"
            series={data}
            lines={latencyLines(data)}
            shape="lines"
            format={formatMs}
            nothing="No turn ended in this time."
          />
          <Chart
            title="Tokens"
            series={data}
            lines={tokenLines(data)}
            shape="bars"
            format={formatCount}
            nothing="No tokens were used in this time."
          />
          <Chart
            title="Errors by code"
            series={data}
            lines={errorLines(data)}
            shape="bars"
            format={formatCount}
            nothing="Nothing went wrong in this time."
          />
        </div>
      )}
    </section>
  );
}

function Windows({ chosen }: { chosen: WindowName }) {
  return (
    <fieldset className="flex rounded-md border border-line bg-panel p-0.5">
      <legend className="sr-only">How far back</legend>
      {NAMES.map((name) => (
        <button
          key={name}
          type="button"
          aria-pressed={name === chosen}
          onClick={() => choose(name)}
          className={`h-7 rounded px-3 text-xs font-medium ${name === chosen ? 'bg-accent-soft text-accent' : 'text-muted hover:text-text'}`}
        >
          {LABELS[name]}
        </button>
      ))}
    </fieldset>
  );
}

/** As high as the charts, so that nothing jumps. */
function Waiting() {
  return (
    <div role="status" aria-label="Loading charts" className="grid gap-4 lg:grid-cols-2">
      {['outcomes', 'latency', 'tokens', 'errors'].map((name) => (
        <div key={name} className="h-80 animate-pulse rounded-xl bg-raised" />
      ))}
    </div>
  );
}
