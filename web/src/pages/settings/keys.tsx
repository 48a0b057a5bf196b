import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { CreatedKey, KeyView } from '../../../../src/contract/key.ts';
import { api } from '../../lib/api.ts';
import { formatWhen } from '../../lib/format.ts';
import { Button } from '../../parts/button.tsx';
import { Chip, type Tone } from '../../parts/chip.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { CopyText } from '../../parts/copy-text.tsx';
import { Empty } from '../../parts/empty.tsx';
import { Failure } from '../../parts/failure.tsx';
import { SelectField, TextField } from '../../parts/field.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Skeleton } from '../../parts/skeleton.tsx';

const TONES: Record<KeyView['state'], Tone> = { active: 'ok', expired: 'quiet', revoked: 'quiet' };
const NAME_CHARS_MAX = 100;
const DAY_MS = 86_400_000;
const LIVES = [
  { days: '', label: 'No expiry' },
  { days: '30', label: 'For 30 days' },
  { days: '90', label: 'For 90 days' },
  { days: '365', label: 'For a year' },
];
const CELL = 'px-4 py-2.5 whitespace-nowrap';
const HEAD = 'px-4 py-2 font-medium';

/** Who may ask the agent: keys are made, shown once, and revoked here. */
export function Keys() {
  const client = useQueryClient();
  const [isAll, setAll] = useState(false);
  const [asked, setAsked] = useState<KeyView>();
  const keys = useInfiniteQuery({
    queryKey: ['keys', isAll],
    queryFn: ({ pageParam }) =>
      api.listKeys({ query: { revoked: isAll ? 'true' : 'false', ...(pageParam === null ? {} : { cursor: pageParam }) } }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => (page.hasMore ? page.nextCursor : undefined),
  });
  const revoke = useMutation({
    mutationFn: (id: string) => api.revokeKey({ id }),
    onSettled: () => {
      setAsked(undefined);
      void client.invalidateQueries({ queryKey: ['keys'] });
      void client.invalidateQueries({ queryKey: ['logins'] });
    },
  });
  const rows = keys.data?.pages.flatMap(({ data }) => data) ?? [];
  const filter = (
    <label className="flex items-center gap-2 text-xs text-muted">
      <input type="checkbox" checked={isAll} onChange={({ target }) => setAll(target.checked)} />
      Revoked ones too
    </label>
  );
  return (
    <Panel title="API keys" aside={filter} className="overflow-hidden">
      <NewKey />
      {keys.isPending && <Skeleton label="Loading keys" rows={2} />}
      {(keys.isError || revoke.isError) && (
        <div className="p-4">
          <Failure error={keys.error ?? revoke.error} retry={() => void keys.refetch()} />
        </div>
      )}
      {keys.isSuccess && rows.length === 0 && (
        <Empty title="No keys yet">Make one for each program, so that each can be revoked alone.</Empty>
      )}
      {rows.length > 0 && <KeyTable keys={rows} revoke={setAsked} />}
      {keys.hasNextPage && (
        <div className="flex justify-center border-t border-line p-3">
          <Button size="small" disabled={keys.isFetchingNextPage} onClick={() => void keys.fetchNextPage()}>
            Older keys
          </Button>
        </div>
      )}
      {asked && (
        <Confirm
          title={`Revoke “${asked.name}”?`}
          act={revoke.isPending ? 'Revoking…' : 'Revoke'}
          onConfirm={() => revoke.mutate(asked.id)}
          onClose={() => setAsked(undefined)}
        >
          Requests, sign-ins and open streams of this key end at once. This cannot be undone.
        </Confirm>
      )}
    </Panel>
  );
}

function KeyTable({ keys, revoke }: { keys: readonly KeyView[]; revoke: (key: KeyView) => void }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard.
    <section aria-label="API keys" tabIndex={0} className="relative overflow-x-auto">
      <table className="w-full text-left">
        <thead className="border-b border-line text-xs text-muted">
          <tr>
            <th className={HEAD}>Name</th>
            <th className={HEAD}>Role</th>
            <th className={HEAD}>State</th>
            <th className={HEAD}>Last used</th>
            <th className={HEAD}>Expires</th>
            <th className={HEAD}>
              <span className="sr-only">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <tr key={key.id} className="border-b border-line last:border-b-0">
              <td className={`${CELL} max-w-56 truncate`} title={key.name}>
                {key.name}
              </td>
              <td className={CELL}>{key.role}</td>
              <td className={CELL}>
                <Chip tone={TONES[key.state]}>{key.state}</Chip>
              </td>
              <td className={`${CELL} tabular`}>{key.lastUsedAt ? formatWhen(key.lastUsedAt) : 'never'}</td>
              <td className={`${CELL} tabular`}>{key.expiresAt ? formatWhen(key.expiresAt) : 'never'}</td>
              <td className={`${CELL} text-right`}>
                {key.state !== 'revoked' && (
                  <Button size="small" look="danger" aria-label={`Revoke ${key.name}`} onClick={() => revoke(key)}>
                    Revoke
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function NewKey() {
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [role, setRole] = useState<KeyView['role']>('client');
  const [days, setDays] = useState('');
  const create = useMutation({
    mutationFn: () => {
      const expiry = days === '' ? {} : { expiresAt: new Date(Date.now() + Number(days) * DAY_MS).toISOString() };
      return api.createKey({ body: { name: name.trim(), role, ...expiry } });
    },
    onSuccess: () => {
      setName('');
      void client.invalidateQueries({ queryKey: ['keys'] });
    },
  });
  return (
    <div className="flex flex-col gap-3 border-b border-line p-4">
      <form
        className="grid grid-cols-2 gap-2 md:flex"
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate();
        }}
      >
        <TextField
          label="Name of the new key"
          placeholder="Who or what uses it"
          required
          maxLength={NAME_CHARS_MAX}
          autoComplete="off"
          className="col-span-2 min-w-0 md:w-72"
          value={name}
          onChange={({ target }) => setName(target.value)}
        />
        <SelectField
          label="Role"
          className="min-w-0"
          value={role}
          onChange={({ target }) => setRole(target.value === 'admin' ? 'admin' : 'client')}
        >
          <option value="client">Client</option>
          <option value="admin">Admin</option>
        </SelectField>
        <SelectField label="Expiry" className="min-w-0" value={days} onChange={({ target }) => setDays(target.value)}>
          {LIVES.map((life) => (
            <option key={life.days} value={life.days}>
              {life.label}
            </option>
          ))}
        </SelectField>
        <Button type="submit" look="primary" className="col-span-2" disabled={create.isPending || name.trim() === ''}>
          {create.isPending ? 'Making…' : 'Make a key'}
        </Button>
      </form>
      {create.isError && <Failure error={create.error} />}
      <div aria-live="polite">{create.data && <MadeKey made={create.data} onDone={() => create.reset()} />}</div>
    </div>
  );
}

/** The one time its text is seen. */
function MadeKey({ made, onDone }: { made: CreatedKey; onDone: () => void }) {
  return (
    <div className="flex flex-col gap-2 rounded-lg border border-ok/40 bg-ok-soft p-3">
      <p>
        <span className="font-medium">“{made.name}” is made.</span> Copy it now: it is not stored and not shown again.
      </p>
      <div className="flex items-center gap-2 rounded-md bg-panel py-1 pr-1 pl-3">
        <code className="min-w-0 grow font-mono text-xs break-all">{made.key}</code>
        <CopyText text={made.key} label="Copy the key" />
      </div>
      <Button size="small" className="self-start" onClick={onDone}>
        I have it
      </Button>
    </div>
  );
}
