import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { Finding } from '../../../../src/contract/finding.ts';
import type { Check, ModelState } from '../../../../src/contract/status.ts';
import { api } from '../../lib/api.ts';
import { formatClock } from '../../lib/format.ts';
import { useLiveEvent } from '../../lib/live.ts';
import { Button } from '../../parts/button.tsx';
import { Chip, type Tone } from '../../parts/chip.tsx';
import { Failure } from '../../parts/failure.tsx';
import { Fix } from '../../parts/fix.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Skeleton } from '../../parts/skeleton.tsx';

const TONES: Record<Check['status'] | Finding['severity'] | ModelState['state'], Tone> = {
  ok: 'ok',
  degraded: 'warn',
  down: 'bad',
  info: 'quiet',
  warning: 'warn',
  error: 'bad',
  open: 'warn',
  bad_key: 'bad',
  unconfigured: 'quiet',
};
const MODEL_WORDS: Record<ModelState['state'], string> = {
  ok: 'ok',
  open: 'left alone for now',
  bad_key: 'bad key',
  unconfigured: 'no key',
};
const WORST_FIRST: Record<Finding['severity'], number> = { error: 0, warning: 1, info: 2, ok: 3 };

/** Each part of the agent: how it is, and what to do where it is not well. */
export function Health() {
  const client = useQueryClient();
  const status = useQuery({ queryKey: ['status'], queryFn: () => api.status() });
  useLiveEvent(({ type }) => {
    if (type === 'health.changed' || type === 'model.changed' || type === 'reset') void client.invalidateQueries({ queryKey: ['status'] });
  });
  if (status.isPending) return <Skeleton label="Loading the health checks" />;
  if (!status.data) return <Failure error={status.error} retry={() => void status.refetch()} />;
  const checks = Object.values(status.data.checks).filter(({ id }) => !id.startsWith('model:'));
  return (
    <>
      <Panel title="Health">
        <ul>
          {checks.map(({ id, status: word, detail, fix }) => (
            <Item key={id} name={id} word={word} tone={TONES[word]} detail={detail} fix={fix} />
          ))}
        </ul>
      </Panel>
      <Panel title="Models">
        <ul>
          {status.data.models.map(({ name, state, lastFailure, fix }) => (
            <Item
              key={name}
              name={name}
              word={MODEL_WORDS[state]}
              tone={TONES[state]}
              detail={lastFailure && `Last failure: ${lastFailure}`}
              fix={fix}
            />
          ))}
        </ul>
      </Panel>
      <DeepLook />
    </>
  );
}

function DeepLook() {
  const deep = useQuery({
    queryKey: ['status', 'deep'],
    queryFn: () => api.status({ query: { deep: 'true' } }),
    enabled: false,
    retry: false,
  });
  const findings = [...(deep.data?.findings ?? [])].sort((a, b) => WORST_FIRST[a.severity] - WORST_FIRST[b.severity]);
  const look = (
    <Button size="small" disabled={deep.isFetching} onClick={() => void deep.refetch()}>
      {deep.isFetching ? 'Looking…' : 'Look closer'}
    </Button>
  );
  return (
    <Panel title="Deep look" aside={look}>
      <div aria-live="polite">
        {deep.isError && (
          <div className="p-4">
            <Failure error={deep.error} />
          </div>
        )}
        {findings.length === 0 && !deep.isError && (
          <p className="p-4 text-muted">
            Takes some seconds and makes one small labelled call to each configured model. The same as holdfast status --deep.
          </p>
        )}
        {findings.length > 0 && (
          <>
            <p className="px-4 pt-3 text-xs text-muted">Looked at {formatClock(new Date(deep.dataUpdatedAt))}.</p>
            <ul>
              {findings.map(({ id, subject, severity, cause, fix }) => (
                <Item
                  key={`${id} ${subject ?? ''} ${cause}`}
                  name={subject ? `${id} · ${subject}` : id}
                  word={severity}
                  tone={TONES[severity]}
                  detail={cause}
                  fix={fix ?? undefined}
                />
              ))}
            </ul>
          </>
        )}
      </div>
    </Panel>
  );
}

interface ItemProps {
  name: string;
  word: string;
  tone: Tone;
  detail: string | undefined;
  fix: string | undefined;
}

function Item({ name, word, tone, detail, fix }: ItemProps) {
  return (
    <li className="flex flex-col gap-1.5 border-b border-line px-4 py-2.5 last:border-b-0">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="min-w-36 font-mono text-xs font-medium break-all">{name}</span>
        <Chip tone={tone} dot>
          {word}
        </Chip>
        {detail && <span className="min-w-0 text-muted">{detail}</span>}
      </div>
      {fix && <Fix text={fix} />}
    </li>
  );
}
