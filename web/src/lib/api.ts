// The one door to the server. Addresses are relative to the page, so that a path prefix or a remapped port needs no setting.
import { type Client, createClient } from '../../../src/client/client.ts';
import { HoldfastError } from '../../../src/client/failure.ts';

/** Under `/ui/` the API is one folder up; on the dashboard's own port it is beside the page. */
export function baseOf(location: Pick<Location, 'href' | 'pathname'>): string {
  const up = /\/ui\/$/.test(location.pathname) ? '..' : '.';
  const url = new URL(up, location.href.split(/[?#]/)[0]);
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

export const api: Client = createClient({ url: baseOf(window.location) });

export const isSignedOut = (error: unknown): boolean => error instanceof HoldfastError && error.status === 401;

/** What to show of a failure: never a stack, always something to do. */
export function explain(error: unknown): { title: string; detail: string; requestId?: string } {
  if (!(error instanceof HoldfastError)) return { title: 'Something went wrong here.', detail: 'Reload the page.' };
  const more = error.requestId === undefined ? {} : { requestId: error.requestId };
  if (error.code === 'network') return { title: 'The agent cannot be reached.', detail: 'Is it running? npx holdfast status', ...more };
  if (error.code === 'forbidden') return { title: 'Your key may not see this.', detail: 'Sign in with an admin key.', ...more };
  return { title: error.message, detail: error.retryAfterS === undefined ? `Code ${error.code}.` : 'Try again in a moment.', ...more };
}
