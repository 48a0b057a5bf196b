import type { HandlersOf, Reply } from '../call.ts';
import { FIRST_PAGE_SCRIPT, FIRST_PAGE_STYLE, firstPage } from '../first-page.ts';

export const file = (type: string, body: string): Reply => ({ status: 200, headers: { 'content-type': `${type}; charset=utf-8` }, body });

export function pageHandlers(): HandlersOf<'dashboardRoot' | 'uiRedirect' | 'ui' | 'uiScript' | 'uiStyle'> {
  const [root, ui] = [
    file('text/html', firstPage({ assets: 'ui/', docs: 'docs' })),
    file('text/html', firstPage({ assets: '', docs: '../docs' })),
  ];
  const [script, style] = [file('text/javascript', FIRST_PAGE_SCRIPT), file('text/css', FIRST_PAGE_STYLE)];
  return {
    dashboardRoot: () => root,
    // Relative: behind a prefix this stays inside it.
    uiRedirect: () => ({ status: 308, headers: { location: 'ui/' }, body: null }),
    ui: () => ui,
    uiScript: () => script,
    uiStyle: () => style,
  };
}
