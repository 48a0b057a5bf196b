import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { api } from '../../lib/api.ts';
import { formatCount, formatWhen } from '../../lib/format.ts';
import { CopyId } from '../../parts/copy-id.tsx';
import { Panel } from '../../parts/panel.tsx';

/** Which agent this is. Says nothing while nothing is known: the health panel tells why. */
export function About() {
  const status = useQuery({ queryKey: ['status'], queryFn: () => api.status() });
  if (!status.data) return null;
  const { data } = status;
  const facts: [string, ReactNode][] = [
    ['Version', `Holdfast ${data.version}`],
    ['Name', data.name],
    ['Agent', <CopyId key="id" id={data.agentId} short={false} />],
    ['Environment', data.environment],
    ['Process', `pid ${data.pid}, since ${formatWhen(data.startedAt)}`],
    [
      'Stored',
      `${formatCount(data.stored.sessions)} sessions, ${formatCount(data.stored.turns)} turns, ${formatCount(data.stored.messages)} messages`,
    ],
    ['Tools', data.tools.join(', ') || 'none'],
    ['Middleware', data.middleware.join(', ') || 'none'],
    ['Audit trail', data.auditHead ? `at #${formatCount(data.auditHead.seq)}` : 'empty'],
    ['Licence', 'Apache-2.0; those of what it is made of: THIRD_PARTY_LICENSES.txt beside the program'],
  ];
  return (
    <Panel title="About">
      <dl className="grid grid-cols-1 gap-x-6 px-4 py-2 sm:grid-cols-[auto_1fr]">
        {facts.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="pt-2 text-muted sm:py-1.5">{name}</dt>
            <dd className="min-w-0 pb-1 break-words sm:py-1.5">{value}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}
