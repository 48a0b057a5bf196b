import { type ComponentType, lazy, Suspense, useEffect } from 'react';
import { live } from './lib/live.ts';
import { usePlace, type View } from './lib/router.ts';
import { useSession } from './lib/session.ts';
import { Overview } from './pages/overview/overview.tsx';
import { SignIn } from './pages/sign-in/sign-in.tsx';
import { Boundary } from './parts/boundary.tsx';
import { Skeleton } from './parts/skeleton.tsx';
import { Shell } from './shell/shell.tsx';

/** Every view but the first is loaded when it is opened. */
const PAGES: Record<View, ComponentType> = {
  overview: Overview,
  chat: lazy(async () => ({ default: (await import('./pages/chat/chat.tsx')).Chat })),
  sessions: lazy(async () => ({ default: (await import('./pages/sessions/sessions.tsx')).Sessions })),
  turns: lazy(async () => ({ default: (await import('./pages/turns/turns.tsx')).Turns })),
  logs: lazy(async () => ({ default: (await import('./pages/logs/logs.tsx')).Logs })),
  audit: lazy(async () => ({ default: (await import('./pages/audit/audit.tsx')).Audit })),
  settings: lazy(async () => ({ default: (await import('./pages/settings/settings.tsx')).Settings })),
};

export function App() {
  const session = useSession();
  const { view } = usePlace();
  // The feed is for operators; a client key would only be refused.
  const hearsLive = session.state === 'in' && session.me.role === 'admin';
  useEffect(() => {
    if (!hearsLive) return;
    live.start();
    return () => live.stop();
  }, [hearsLive]);

  if (session.state === 'unknown') return <Skeleton label="Connecting to the agent" />;
  if (session.state === 'out') return <SignIn failure={session.failure} signIn={session.signIn} />;
  const Page = PAGES[view];
  return (
    <Shell me={session.me} signOut={session.signOut}>
      <Boundary key={view}>
        <Suspense fallback={<Skeleton label="Loading" />}>
          <Page />
        </Suspense>
      </Boundary>
    </Shell>
  );
}
