import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { Alert } from '../../../../src/contract/alert.ts';
import { api } from '../../lib/api.ts';
import { formatWhen, shortId } from '../../lib/format.ts';
import { useLiveEvent } from '../../lib/live.ts';
import { linkTo } from '../../lib/router.ts';
import { useThrottled } from '../../lib/throttled.ts';
import { Chip, TurnChip } from '../../parts/chip.tsx';
import { Empty } from '../../parts/empty.tsx';
import { Failure } from '../../parts/failure.tsx';
import { Fix } from '../../parts/fix.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Skeleton } from '../../parts/skeleton.tsx';
import { reasonLabel } from '../turns/query.ts';

const SHOWN_MAX = 6;
const REFRESH_MS = 1_000;

/** What needs somebody now. Nothing at all when there is nothing. */
export function Alerts({ alerts }: { alerts: readonly Alert[] }) {
  if (alerts.length === 0) return null;
  return (
    <Panel title="Active alerts" aside={<Chip tone="bad">{alerts.length}</Chip>}>
      <ul>
        {alerts.map(({ id, severity, since, cause, fix }) => (
          <li key={id} className="flex flex-col gap-1.5 border-b border-line px-4 py-3 last:border-b-0">
            <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
              <Chip tone={severity === 'error' ? 'bad' : 'warn'} dot>
                {severity}
              </Chip>
              <span className="font-mono text-xs break-all">{id}</span>
              <span className="text-xs text-muted">since {formatWhen(since)}</span>
            </p>
            <p>{cause}</p>
            <Fix text={fix} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** The last turns without a model's answer. */
export function Incidents() {
  const client = useQueryClient();
  const incidents = useQuery({
    queryKey: ['turns', 'incidents'],
    queryFn: async () => {
      const pages = await Promise.all(
        (['degraded', 'failed'] as const).map((status) => api.listTurns({ query: { status, limit: SHOWN_MAX } })),
      );
      return pages
        .flatMap(({ data }) => data)
        .sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt))
        .slice(0, SHOWN_MAX);
    },
  });
  const refresh = useThrottled(() => void client.invalidateQueries({ queryKey: ['turns', 'incidents'] }), REFRESH_MS);
  useLiveEvent((event) => {
    if (event.type === 'turn.ended' && (event.status === 'degraded' || event.status === 'failed')) refresh();
  });
  return (
    <Panel title="Last incidents">
      {incidents.isPending && <Skeleton label="Loading incidents" rows={2} />}
      {incidents.isError && (
        <div className="p-4">
          <Failure error={incidents.error} retry={() => void incidents.refetch()} />
        </div>
      )}
      {incidents.data?.length === 0 && <Empty title="No incidents">Every turn that ended was answered by a model.</Empty>}
      <ul>
        {incidents.data?.map((turn) => (
          <li
            key={turn.turnId}
            className="relative flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-2.5 last:border-b-0 hover:bg-raised"
          >
            <TurnChip status={turn.status} />
            <span className="min-w-0 grow truncate">{turn.reason ? reasonLabel(turn.reason) : 'No reason given'}</span>
            <span className="font-mono text-xs text-muted">{shortId(turn.turnId)}</span>
            <a href={linkTo('turns', turn.turnId)} className="text-xs text-muted tabular after:absolute after:inset-0">
              <span className="sr-only">Turn {shortId(turn.turnId)}, </span>
              {formatWhen(turn.createdAt)}
            </a>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
