// Every answer a test sees is held to the contract: the status, the media type, the headers and the body its route documents, and nothing beside.
import { isDeepStrictEqual } from 'node:util';
import { ERRORS } from '../../src/base/errors.ts';
import { turnStream } from '../../src/contract/events.ts';
import { problemSchema } from '../../src/contract/problem.ts';
import { problemsOf } from '../../src/contract/route-problems.ts';
import { type Route, routes } from '../../src/contract/routes.ts';

interface Asked {
  method: string;
  /** With or without its query. */
  path: string;
  listener?: 'api' | 'dashboard';
}

/** Looks at a copy of a JSON body; a stream's body is left alone. Throws what is wrong. */
export async function assertDocumented(asked: Asked, answer: Response): Promise<void> {
  const route = routeOf(asked);
  const wrong = (what: string): never => {
    throw new Error(`${asked.method} ${asked.path} → ${answer.status} is not as documented: ${what}`);
  };
  const type = answer.headers.get('content-type')?.split(';')[0] ?? '';
  if (!answer.headers.get('x-request-id')) wrong('no X-Request-Id');
  if (asked.method === 'HEAD' || answer.body === null) {
    if (answer.status < 400 && route && !route.responses[answer.status]) wrong('no such status');
    return;
  }
  if (type === 'application/problem+json') {
    const problem = exactly(problemSchema, JSON.parse(await answer.clone().text()), wrong);
    if (problem.status !== answer.status) wrong(`the problem says ${problem.status}`);
    if (problem.requestId !== answer.headers.get('x-request-id')) wrong('the problem names another request');
    if (!mayGive(route, problem.code, answer.status)) wrong(`the code ${problem.code}`);
    return;
  }
  if (!route) return wrong('an answer where there is no route');
  const documented = route.responses[answer.status];
  if (!documented) return wrong('no such status');
  if (type === 'text/event-stream' && (route.startsWork || documented.stream)) return;
  if (documented.mediaType !== '*/*' && type !== (documented.mediaType ?? 'application/json')) wrong(`the media type ${type}`);
  if (!documented.schema) return;
  const body = exactly(documented.schema, JSON.parse(await answer.clone().text()), wrong) as { degraded?: boolean };
  if ((body.degraded === true) !== (answer.headers.get('x-holdfast-degraded') === 'true')) wrong('header and body disagree about degraded');
  if ((answer.status === 201 || answer.status === 202) && !answer.headers.get('location')) wrong('no Location');
}

const streams = Object.values<Route>(routes).flatMap(({ responses }) => Object.values(responses).flatMap(({ stream }) => stream ?? []));

/** The same for what a stream said. */
export function assertDocumentedEvents(events: readonly { event: string; data: unknown }[]): void {
  const kinds = [turnStream, ...streams].flatMap((stream) => stream.kinds);
  for (const { event, data } of events) {
    const wrong = (what: string): never => {
      throw new Error(`the event ${event} is not as documented: ${what}`);
    };
    const kind = kinds.find(({ type }) => type === event) ?? wrong('no such event');
    exactly(kind.data, data, wrong);
  }
}

function mayGive(route: Route | undefined, code: string, status: number): boolean {
  const usual = ERRORS[code as keyof typeof ERRORS]?.status;
  // No route, no page: what no route takes is refused the same way everywhere, and the parser before any route has its own words.
  if (!route)
    return usual === status && ['not_found', 'method_not_allowed', 'invalid_request', 'forbidden', 'headers_too_large'].includes(code);
  return problemsOf(route).some((each) => each.code === code && (each.status ?? usual) === status);
}

/** Parses, and refuses fields the schema does not have: zod drops those silently. */
function exactly<T>(
  schema: { safeParse(value: unknown): { success: true; data: T } | { success: false; error: Error } },
  value: unknown,
  wrong: (what: string) => never,
): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) return wrong(parsed.error.message);
  if (!isDeepStrictEqual(parsed.data, value)) return wrong(`it has more fields than its schema: ${JSON.stringify(value)}`);
  return parsed.data;
}

function routeOf({ method, path, listener = 'api' }: Asked): Route | undefined {
  const given = (path.split('?')[0] ?? '').split('/');
  return Object.values<Route>(routes).find((route) => {
    if (route.method !== (method === 'HEAD' ? 'GET' : method)) return false;
    if (route.page === 'dashboard' && listener !== 'dashboard') return false;
    const wanted = route.path.split('/');
    return wanted.length === given.length && wanted.every((part, i) => (part === '{id}' ? given[i] !== '' : part === given[i]));
  });
}
