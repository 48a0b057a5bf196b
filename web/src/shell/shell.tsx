import { lazy, type ReactNode, Suspense, useState } from 'react';
import type { Me } from '../../../src/contract/login.ts';
import { useShortcuts } from '../lib/shortcuts.ts';
import { Rail } from './rail.tsx';
import { TopBar } from './top-bar.tsx';

const Palette = lazy(async () => ({ default: (await import('./palette.tsx')).Palette }));

/** What stays around every view: where one is, how the agent is, and the way elsewhere. */
export function Shell({ me, signOut, children }: { me: Me; signOut(): Promise<void>; children: ReactNode }) {
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  useShortcuts(() => setPaletteOpen((isOpen) => !isOpen));
  return (
    <div className="flex h-full flex-col md:flex-row">
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2 focus:rounded-md focus:bg-panel focus:p-2">
        Skip to content
      </a>
      <Rail />
      <div className="flex min-h-0 min-w-0 grow flex-col">
        <TopBar me={me} signOut={signOut} openPalette={() => setPaletteOpen(true)} />
        <main id="main" tabIndex={-1} className="min-h-0 grow overflow-y-auto outline-none">
          {children}
        </main>
      </div>
      {isPaletteOpen && (
        <Suspense>
          <Palette onClose={() => setPaletteOpen(false)} signOut={signOut} />
        </Suspense>
      )}
    </div>
  );
}
