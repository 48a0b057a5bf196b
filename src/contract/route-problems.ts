import type { Route } from './routes.ts';

/** A problem a route can answer with: a code of the table in `base/errors.ts`, and the status where it is not the table's. */
export interface RouteProblem {
  code: string;
  status?: number;
}

const ANY: RouteProblem[] = [{ code: 'invalid_request' }, { code: 'headers_too_large' }, { code: 'internal' }];
const WITH_BODY: RouteProblem[] = [
  { code: 'request_timeout' },
  { code: 'payload_too_large' },
  { code: 'unsupported_media_type' },
  { code: 'invalid_request', status: 422 },
];
/** A model the agent does not have, a busy session, an author's `onRequest` that refuses, and all that can keep a message from being accepted. */
const STARTING_WORK: RouteProblem[] = [
  { code: 'not_found' },
  { code: 'conflict' },
  { code: 'idempotency_mismatch' },
  { code: 'rate_limited' },
  { code: 'model_unavailable' },
  { code: 'overloaded' },
  { code: 'draining' },
];

const SIGNING_IN: RouteProblem[] = [{ code: 'unauthenticated' }, { code: 'rate_limited' }, { code: 'storage_unavailable' }];

/** Every problem the route can answer with. The HTTP tests hold all answers to it. */
export function problemsOf(route: Route): RouteProblem[] {
  const isChange = route.method !== 'GET';
  const usesStore = route.auth !== 'public' && !route.openInDevelopment && !route.openLocally;
  const found = [
    ...ANY,
    // Pages and operations are kept from other hosts and origins; probes are not.
    ...(route.probe ? [] : [{ code: 'forbidden' }]),
    ...(route.auth === 'public' ? [] : [{ code: 'unauthenticated' }]),
    ...(route.params || route.page ? [{ code: 'not_found' }] : []),
    ...(route.body ? WITH_BODY : []),
    ...(route.signsIn ? SIGNING_IN : []),
    // A cookie counts only with the type that no form can send.
    ...(isChange && route.auth !== 'public' ? [{ code: 'unsupported_media_type' }] : []),
    ...(isChange ? [{ code: 'conflict' }] : []),
    ...(usesStore ? [{ code: 'storage_unavailable' }] : []),
    ...(usesStore && route.path.startsWith('/v1/turns') ? [{ code: 'draining' }] : []),
    ...(route.path === '/v1/events' ? [{ code: 'overloaded' }] : []),
    ...(route.startsWork ? STARTING_WORK : []),
  ];
  const seen = new Set<string>();
  return found.filter(({ code, status }) => {
    const name = `${code} ${status ?? ''}`;
    return !seen.has(name) && seen.add(name);
  });
}
