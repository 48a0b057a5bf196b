import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { LoginView } from '../../../../src/contract/login.ts';
import { api } from '../../lib/api.ts';
import { formatWhen } from '../../lib/format.ts';
import { Button } from '../../parts/button.tsx';
import { Chip } from '../../parts/chip.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { Empty } from '../../parts/empty.tsx';
import { Failure } from '../../parts/failure.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Skeleton } from '../../parts/skeleton.tsx';

const PAGE_ROWS = 200;

/** The browsers that are signed in. */
export function Logins() {
  const client = useQueryClient();
  const [asked, setAsked] = useState<LoginView>();
  const logins = useQuery({ queryKey: ['logins'], queryFn: () => api.listLogins({ query: { limit: PAGE_ROWS } }) });
  const revoke = useMutation({
    mutationFn: (id: string) => api.revokeLogin({ id }),
    onSettled: () => {
      setAsked(undefined);
      void client.invalidateQueries({ queryKey: ['logins'] });
    },
  });
  return (
    <Panel title="Sign-ins">
      {logins.isPending && <Skeleton label="Loading sign-ins" rows={2} />}
      {(logins.isError || revoke.isError) && (
        <div className="p-4">
          <Failure error={logins.error ?? revoke.error} retry={() => void logins.refetch()} />
        </div>
      )}
      {logins.data?.data.length === 0 && <Empty title="Nobody is signed in" />}
      <ul>
        {logins.data?.data.map((login) => (
          <li key={login.id} className="flex items-center gap-3 border-b border-line px-4 py-2.5 last:border-b-0">
            <div className="min-w-0 grow">
              <p className="flex flex-wrap items-center gap-2">
                <span className="font-medium break-all">{login.principal}</span>
                <span className="text-xs text-muted">
                  {login.role}, by {login.how === 'link' ? 'one-time link' : 'key'}
                </span>
                {login.current && <Chip tone="accent">this browser</Chip>}
              </p>
              <p className="text-xs text-muted tabular">
                Since {formatWhen(login.createdAt)}, last used {formatWhen(login.lastUsedAt)}, ends {formatWhen(login.expiresAt)}
              </p>
            </div>
            {!login.current && (
              <Button
                size="small"
                look="danger"
                aria-label={`End the sign-in of ${login.principal} from ${formatWhen(login.createdAt)}`}
                onClick={() => setAsked(login)}
              >
                End
              </Button>
            )}
          </li>
        ))}
      </ul>
      {logins.data?.hasMore && <p className="border-t border-line px-4 py-2.5 text-xs text-muted">The newest {PAGE_ROWS} are shown.</p>}
      {asked && (
        <Confirm title="End this sign-in?" act="End it" onConfirm={() => revoke.mutate(asked.id)} onClose={() => setAsked(undefined)}>
          {asked.principal} has to sign in again in that browser.
        </Confirm>
      )}
    </Panel>
  );
}
