import { useQuery } from '@tanstack/react-query';
import { LogOut, Monitor, Moon, RefreshCw, Search, Sun } from 'lucide-react';
import type { Me } from '../../../src/contract/login.ts';
import type { ModelState } from '../../../src/contract/status.ts';
import { api } from '../lib/api.ts';
import { formatClock } from '../lib/format.ts';
import { live, useLive } from '../lib/live.ts';
import { linkTo } from '../lib/router.ts';
import { chooseTheme, type Theme, useTheme } from '../lib/theme.ts';
import { Chip, type Tone } from '../parts/chip.tsx';

const HEALTH: Record<string, Tone> = { ok: 'ok', degraded: 'warn', down: 'bad' };
const NEXT: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
const THEME_ICONS = { system: Monitor, light: Sun, dark: Moon };

export function TopBar({ me, signOut, openPalette }: { me: Me; signOut(): Promise<void>; openPalette(): void }) {
  const { snapshot, link } = useLive();
  const isAdmin = me.role === 'admin';
  const status = useQuery({ queryKey: ['status'], queryFn: () => api.status(), enabled: isAdmin });
  const theme = useTheme();
  const ThemeIcon = THEME_ICONS[theme];
  const health = snapshot?.health ?? status.data?.health;
  const models = snapshot?.models ?? status.data?.models;
  const environment = status.data?.environment;
  return (
    <header className="flex min-h-14 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-panel px-4 py-2">
      <span className="max-w-40 truncate font-semibold">{status.data?.name ?? 'holdfast'}</span>
      {environment && (
        <Chip tone={environment === 'production' ? 'bad' : 'quiet'} title={`AGENT_ENV=${environment}`}>
          {environment === 'production' ? 'PRODUCTION' : 'DEV'}
        </Chip>
      )}
      {health && (
        <a href={linkTo('settings')} className="rounded-full">
          <Chip tone={HEALTH[health] ?? 'quiet'} dot>
            {health === 'ok' ? 'healthy' : health}
          </Chip>
        </a>
      )}
      {models && <ModelChip models={models} />}
      {isAdmin && link === 'paused' && <Paused />}
      <span className="grow" />
      <button
        type="button"
        onClick={openPalette}
        className="flex h-9 items-center gap-2 rounded-md border border-line px-2.5 text-muted hover:bg-raised hover:text-text"
      >
        <Search aria-hidden className="size-4" />
        <span className="sr-only lg:not-sr-only">Search or jump to</span>
        <kbd className="hidden rounded border border-line px-1 font-mono text-xs lg:inline">⌘K</kbd>
      </button>
      <button
        type="button"
        onClick={() => chooseTheme(NEXT[theme])}
        aria-label={`Theme: ${theme}. Change to ${NEXT[theme]}`}
        title={`Theme: ${theme}`}
        className="rounded-md p-2 text-muted hover:bg-raised hover:text-text"
      >
        <ThemeIcon aria-hidden className="size-4" />
      </button>
      <button
        type="button"
        onClick={signOut}
        aria-label="Sign out"
        title="Sign out"
        className="rounded-md p-2 text-muted hover:bg-raised hover:text-text"
      >
        <LogOut aria-hidden className="size-4" />
      </button>
    </header>
  );
}

/** What stays on the screen is of then; the pill says so and lets one ask again. */
function Paused() {
  const { heardAt } = useLive();
  return (
    <button
      type="button"
      onClick={() => live.retry()}
      className="inline-flex items-center gap-1.5 rounded-full bg-warn-soft px-2.5 py-0.5 text-xs font-medium text-warn"
    >
      <RefreshCw aria-hidden className="size-3" />
      Live updates paused — reconnecting · Retry now
      {heardAt !== undefined && <span className="font-normal">as of {formatClock(new Date(heardAt))}</span>}
    </button>
  );
}

function ModelChip({ models }: { models: readonly ModelState[] }) {
  const well = models.find((model) => model.state === 'ok');
  if (!well) return <Chip tone="warn">degraded — fallback replies</Chip>;
  const provider = well.name.split('/')[0] ?? well.name;
  return (
    <Chip tone={provider === 'demo' ? 'quiet' : 'ok'} title={models.map((model) => `${model.name}: ${model.state}`).join('\n')}>
      {provider === 'demo' ? 'demo' : `${provider} ok`}
    </Chip>
  );
}
