import { useIsAdmin } from '../../lib/me.ts';
import { Page } from '../../parts/page.tsx';
import { About } from './about.tsx';
import { Browser } from './browser.tsx';
import { Health } from './health.tsx';
import { Keys } from './keys.tsx';
import { Logins } from './logins.tsx';

export function Settings() {
  const isAdmin = useIsAdmin();
  return (
    <Page title="Settings & health" about="How each part of the agent is, and who may use it.">
      <div className="mb-16 flex flex-col gap-4 md:mb-0">
        {isAdmin ? (
          <>
            <Health />
            <Keys />
          </>
        ) : (
          <p className="text-muted">Health and keys are for admin keys.</p>
        )}
        <Logins />
        <Browser />
        {isAdmin && <About />}
      </div>
    </Page>
  );
}
