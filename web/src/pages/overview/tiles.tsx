import type { ReactNode } from 'react';
import type { LiveSnapshot } from '../../../../src/contract/live.ts';
import type { Status } from '../../../../src/contract/status.ts';
import { formatBytes, formatCount, formatDuration, formatMs, formatPercent } from '../../lib/format.ts';
import { linkTo } from '../../lib/router.ts';

/** What the live feed says, and before its first word the status. */
export type Figures = Pick<LiveSnapshot, 'uptimeS' | 'state' | 'health' | 'requests' | 'sessions' | 'memory' | 'models'>;
export const figuresOf = (snapshot: LiveSnapshot | undefined, status: Status | undefined): Figures | undefined =>
  snapshot ?? (status && { ...status, sessions: status.stored.sessions });

const decimal = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export function Tiles({ figures }: { figures: Figures | undefined }) {
  if (!figures) return <Waiting />;
  const { requests, memory } = figures;
  // What the caller took back is neither a success nor a failure of the agent.
  const ended = requests.completed + requests.degraded + requests.failed;
  const latency = requests.latencyMs;
  return (
    <dl className="grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Tile name="State" value={figures.state} note={`up ${formatDuration(figures.uptimeS)}`} />
      <Tile name="Requests / min" value={decimal.format(requests.perMinute)} note={`${formatCount(requests.accepted)} since the start`} />
      <Tile
        name="Success"
        value={ended === 0 ? '–' : formatPercent(requests.completed / ended)}
        note={ended === 0 ? 'no turn ended yet' : `${formatCount(requests.completed)} of ${formatCount(ended)}`}
      />
      <Tile
        name="Latency p50"
        value={formatMs(latency?.p50)}
        note={latency ? `p95 ${formatMs(latency.p95)} · p99 ${formatMs(latency.p99)}` : 'nothing to measure yet'}
      />
      <Tile
        name="Degraded"
        value={formatCount(requests.degraded)}
        note={`${formatCount(requests.failed)} failed`}
        tone={requests.degraded + requests.failed > 0 ? 'text-warn' : undefined}
        href={linkTo('turns', undefined, { status: 'degraded' })}
      />
      <Tile
        name="Open turns"
        value={formatCount(requests.open)}
        note="waiting or running"
        href={linkTo('turns', undefined, { status: 'running' })}
      />
      <Tile
        name="Sessions"
        value={figures.sessions === null ? '–' : formatCount(figures.sessions)}
        note="stored"
        href={linkTo('sessions')}
      />
      <Tile name="Memory" value={formatBytes(memory.rssBytes)} note={`${formatBytes(memory.heapUsedBytes)} heap in use`} />
    </dl>
  );
}

interface TileProps {
  name: string;
  value: ReactNode;
  note: string;
  tone?: string | undefined;
  href?: string;
}

function Tile({ name, value, note, tone = '', href }: TileProps) {
  return (
    <div className={`relative min-w-0 rounded-xl border border-line bg-panel px-4 py-3 ${href ? 'hover:border-line-strong' : ''}`}>
      <dt className="text-xs font-medium text-muted">
        {href ? (
          <a href={href} className="after:absolute after:inset-0 after:rounded-xl">
            {name}
          </a>
        ) : (
          name
        )}
      </dt>
      <dd className={`truncate text-2xl font-semibold tracking-tight tabular ${tone}`}>{value}</dd>
      <dd className="text-xs text-muted tabular">{note}</dd>
    </div>
  );
}

function Waiting() {
  return (
    <div role="status" aria-label="Loading figures" className="grid grid-cols-2 gap-3 lg:grid-cols-4">
      {['state', 'requests', 'success', 'latency', 'degraded', 'open', 'sessions', 'memory'].map((name) => (
        <div key={name} className="h-23 animate-pulse rounded-xl bg-raised" />
      ))}
    </div>
  );
}
