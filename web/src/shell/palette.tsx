import { useQuery } from '@tanstack/react-query';
import { Command } from 'cmdk';
import { useState } from 'react';
import { api } from '../lib/api.ts';
import { go } from '../lib/router.ts';
import { chooseTheme } from '../lib/theme.ts';
import { Dialog } from '../parts/dialog.tsx';
import { VIEW_ENTRIES } from './views.ts';

const ITEM =
  'flex cursor-pointer items-center gap-2 rounded-md px-3 py-2 data-[selected=true]:bg-accent-soft data-[selected=true]:text-accent';
const ID = /^(ses|trn)_[0-9a-z]{26}$/;

/** Views, sessions by title, and any id one has at hand. */
export function Palette({ onClose, signOut }: { onClose(): void; signOut(): Promise<void> }) {
  const [text, setText] = useState('');
  const sessions = useQuery({ queryKey: ['sessions', 'palette'], queryFn: () => api.listSessions({ query: { limit: 50 } }) });
  const run = (act: () => void) => () => {
    onClose();
    act();
  };
  const [, kind] = ID.exec(text.trim()) ?? [];
  return (
    <Dialog label="Search or jump to" onClose={onClose} className="mx-auto mt-[12vh] w-[min(36rem,calc(100vw-2rem))] rounded-xl bg-panel">
      <Command label="Search or jump to">
        <Command.Input
          value={text}
          onValueChange={setText}
          placeholder="A view, a session, or an id such as trn_…"
          className="h-12 w-full rounded-t-xl border-b border-line bg-transparent px-4 text-base outline-none placeholder:text-muted"
        />
        <Command.List className="max-h-[50vh] overflow-y-auto p-2">
          <Command.Empty className="px-3 py-6 text-center text-muted">Nothing of that name.</Command.Empty>
          {kind && (
            <Command.Item value={text} onSelect={run(() => go(kind === 'trn' ? 'turns' : 'chat', text.trim()))} className={ITEM}>
              Open {text.trim()}
            </Command.Item>
          )}
          <Command.Group heading="Views" className="text-muted">
            {VIEW_ENTRIES.map(({ view, label, icon: Icon, key }) => (
              <Command.Item key={view} value={label} onSelect={run(() => go(view))} className={`${ITEM} text-text`}>
                <Icon aria-hidden className="size-4" />
                <span className="grow">{label}</span>
                <kbd className="font-mono text-xs text-muted">g {key}</kbd>
              </Command.Item>
            ))}
          </Command.Group>
          <Command.Group heading="Do" className="text-muted">
            {(['light', 'dark', 'system'] as const).map((theme) => (
              <Command.Item key={theme} value={`theme ${theme}`} onSelect={run(() => chooseTheme(theme))} className={`${ITEM} text-text`}>
                Theme: {theme}
              </Command.Item>
            ))}
            <Command.Item value="sign out" onSelect={run(() => void signOut())} className={`${ITEM} text-text`}>
              Sign out
            </Command.Item>
          </Command.Group>
          {sessions.data && sessions.data.data.length > 0 && (
            <Command.Group heading="Sessions" className="text-muted">
              {sessions.data.data.map(({ id, title }) => (
                <Command.Item key={id} value={`${title ?? ''} ${id}`} onSelect={run(() => go('chat', id))} className={`${ITEM} text-text`}>
                  <span className="truncate">{title ?? id}</span>
                </Command.Item>
              ))}
            </Command.Group>
          )}
        </Command.List>
      </Command>
    </Dialog>
  );
}
