// Hash routes: `#/turns?status=failed`, `#/chat/ses_…`. The server never sees them, so any path prefix works.
import { useSyncExternalStore } from 'react';

export const VIEWS = ['overview', 'chat', 'sessions', 'turns', 'logs', 'audit', 'settings'] as const;
export type View = (typeof VIEWS)[number];

export interface Place {
  view: View;
  /** What comes after the view, such as a session or a turn. */
  id: string | undefined;
  query: Readonly<Record<string, string>>;
}

export function parsePlace(hash: string): Place {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?');
  const [name = '', id] = path.split('/').map(decodeSafely);
  const view = VIEWS.find((known) => known === name) ?? 'overview';
  return { view, id: id || undefined, query: Object.fromEntries(new URLSearchParams(search)) };
}

export function linkTo(view: View, id?: string, query: Record<string, string | undefined> = {}): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '');
  const search = new URLSearchParams(given).toString();
  return `#/${view}${id ? `/${encodeURIComponent(id)}` : ''}${search && `?${search}`}`;
}

export function go(view: View, id?: string, query?: Record<string, string | undefined>): void {
  window.location.hash = linkTo(view, id, query);
}

/** Changes the filters of the present view, without a step in the history. */
export function narrow(change: Record<string, string | undefined>): void {
  const { view, id, query } = parsePlace(window.location.hash);
  window.history.replaceState(null, '', linkTo(view, id, { ...query, ...change }));
  window.dispatchEvent(new HashChangeEvent('hashchange'));
}

const subscribe = (changed: () => void) => {
  window.addEventListener('hashchange', changed);
  return () => window.removeEventListener('hashchange', changed);
};

export function usePlace(): Place {
  const hash = useSyncExternalStore(subscribe, () => window.location.hash);
  return parsePlace(hash);
}

function decodeSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Somebody's half of an escape: it names nothing, and nothing is shown for it.
    return '';
  }
}
