import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../lib/api.ts';
import { useLive, useLiveEvent } from '../../lib/live.ts';
import { useIsAdmin } from '../../lib/me.ts';
import { Failure } from '../../parts/failure.tsx';
import { Page } from '../../parts/page.tsx';
import { Charts } from './charts.tsx';
import { GetStarted } from './get-started.tsx';
import { Alerts, Incidents } from './incidents.tsx';
import { figuresOf, Tiles } from './tiles.tsx';

/** Is the agent well, and what went wrong lately. */
export function Overview() {
  const isAdmin = useIsAdmin();
  return (
    <Page title="Overview">
      <div className="mb-16 flex flex-col gap-6 md:mb-0">{isAdmin ? <Operated /> : <Used />}</div>
    </Page>
  );
}

function Operated() {
  const client = useQueryClient();
  const { snapshot } = useLive();
  const status = useQuery({ queryKey: ['status'], queryFn: () => api.status() });
  useLiveEvent(({ type }) => {
    if (type === 'alert' || type === 'health.changed' || type === 'reset') void client.invalidateQueries({ queryKey: ['status'] });
  });
  const figures = figuresOf(snapshot, status.data);
  const isDemo = figures?.models.every(({ name }) => name.split('/')[0] === 'demo') ?? false;
  // Decided once, so that the panel does not go away under the hand that uses it.
  const [isNew, setNew] = useState<boolean>();
  if (isNew === undefined && status.data) setNew(status.data.stored.turns === 0 || isDemo);
  const start = status.data && <GetStarted isDemo={isDemo} />;
  return (
    <>
      {status.isError && !figures && <Failure error={status.error} retry={() => void status.refetch()} />}
      {status.data && <Alerts alerts={status.data.alerts} />}
      {isNew && start}
      {(figures || !status.isError) && <Tiles figures={figures} />}
      <Charts />
      <Incidents />
      {isNew === false && start}
    </>
  );
}

/** A client key sees its own turns only; the figures are of everybody's. */
function Used() {
  return (
    <>
      <p className="text-muted">The agent’s figures are for admin keys. What you asked yourself is under Turns and Sessions.</p>
      <GetStarted isDemo={false} />
      <Incidents />
    </>
  );
}
