import type { HandlersOf } from '../call.ts';
import { createWebFiles } from '../web-files.ts';

export function pageHandlers(folder?: URL): HandlersOf<'dashboardRoot' | 'dashboardAsset' | 'uiRedirect' | 'ui' | 'uiAsset'> {
  const files = createWebFiles(folder);
  return {
    dashboardRoot: ({ view }) => files.index(view),
    dashboardAsset: ({ view, id }) => files.asset(view, id),
    // Relative: behind a prefix this stays inside it.
    uiRedirect: () => ({ status: 308, headers: { location: 'ui/' }, body: null }),
    ui: ({ view }) => files.index(view),
    uiAsset: ({ view, id }) => files.asset(view, id),
  };
}
