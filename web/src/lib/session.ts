// Who is signed in. The cookie is the server's and not visible here; `/v1/me` tells.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { Me } from '../../../src/contract/login.ts';
import { api, isSignedOut } from './api.ts';
import { keep, kept } from './keep.ts';

export type Session = { state: 'unknown' } | { state: 'out'; failure?: unknown } | { state: 'in'; me: Me };

/** The token of a one-time link, taken out of the address at once so that it stays in no history. */
function takeToken(): string | undefined {
  const token = /^#login=([^&]+)$/.exec(window.location.hash)?.[1];
  if (token !== undefined) window.history.replaceState(null, '', `${window.location.pathname}#/overview`);
  return token;
}

export function useSession(): Session & { signIn(key: string): Promise<void>; signOut(): Promise<void> } {
  const client = useQueryClient();
  const [token, setToken] = useState(takeToken);
  const [failure, setFailure] = useState<unknown>();
  const me = useQuery({
    queryKey: ['me'],
    queryFn: async () => {
      const found = await api.me();
      keep('signedIn', 'yes');
      return found;
    },
    // A question without a sign-in counts as a refused one, so it is asked only where there was one.
    enabled: token === undefined && kept('signedIn') === 'yes',
    retry: (count, error) => !isSignedOut(error) && count < 3,
    staleTime: 60_000,
  });

  useEffect(() => {
    const arrived = () => setToken(takeToken() ?? undefined);
    window.addEventListener('hashchange', arrived);
    return () => window.removeEventListener('hashchange', arrived);
  }, []);

  useEffect(() => {
    if (token === undefined) return;
    api
      .login({ body: { token } })
      .then((signedIn) => {
        keep('signedIn', 'yes');
        client.setQueryData(['me'], signedIn);
      })
      .catch(setFailure)
      .finally(() => setToken(undefined));
  }, [token, client]);

  const actions = {
    async signIn(key: string) {
      const signedIn = await api.login({ body: { key } });
      keep('signedIn', 'yes');
      client.setQueryData(['me'], signedIn);
      setFailure(undefined);
    },
    async signOut() {
      keep('signedIn', null);
      await api.logout();
      client.clear();
      window.location.hash = '#/overview';
      window.location.reload();
    },
  };
  if (token !== undefined || me.isLoading) return { state: 'unknown', ...actions };
  if (me.data) return { state: 'in', me: me.data, ...actions };
  return { state: 'out', failure: failure ?? (isSignedOut(me.error) ? undefined : me.error), ...actions };
}
