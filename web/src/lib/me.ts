// Who looks, for views that show an operator more than a client.
import { useQuery } from '@tanstack/react-query';
import type { Me } from '../../../src/contract/login.ts';

/** Asks nothing itself: `useSession` has asked before any view is there. */
export function useIsAdmin(): boolean {
  const me = useQuery<Me>({ queryKey: ['me'], enabled: false });
  return me.data?.role === 'admin';
}
