import { type Route, routes } from '../contract/routes.ts';
import type { ListenerName } from './request-view.ts';

/** Value of `Allow` for a path some route takes with another method; undefined when no route takes it at all. */
export function allowedMethods(path: string, listener: ListenerName): string | undefined {
  const methods = new Set<string>();
  for (const route of Object.values<Route>(routes)) {
    if (route.page === 'dashboard' && listener !== 'dashboard') continue;
    if (!matches(route.path, path)) continue;
    methods.add(route.method);
    if (route.method === 'GET') methods.add('HEAD');
  }
  return methods.size > 0 ? [...methods].sort().join(', ') : undefined;
}

function matches(template: string, path: string): boolean {
  const wanted = template.split('/');
  const given = path.split('/');
  return wanted.length === given.length && wanted.every((part, i) => (part === '{id}' ? given[i] !== '' : part === given[i]));
}
