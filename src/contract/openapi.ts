// The OpenAPI 3.1 document, made of the table of routes: what is served is what is documented.
import { type EventStream, turnStream } from './events.ts';
import { createSchemaSet, type JsonSchema, type SchemaSet } from './openapi-schemas.ts';
import { problemSchema } from './problem.ts';
import { problemsOf } from './route-problems.ts';
import { type Route, type RouteName, type RouteResponse, routes } from './routes.ts';
import { turnAnswerSchema } from './turn.ts';

/** The table of errors, which lies beyond this folder's reach. */
export type ErrorTable = Readonly<Record<string, { status: number; retryable: boolean; sentence: string }>>;

export interface OpenApiDocument {
  openapi: string;
  info: JsonSchema;
  paths: Record<string, Record<string, JsonSchema>>;
  [key: string]: unknown;
}

type Found = Record<string, JsonSchema>;

const TAGS = {
  Health: 'How the agent is, for probes and people.',
  Turns: 'A message and everything done to answer it.',
  Sessions: 'Conversations and their messages.',
  Access: 'Keys and sign-ins: who may call.',
  Operation: 'For those who run the agent.',
} as const;

const tagOf = (path: string): keyof typeof TAGS => {
  if (/^\/v1\/(chat|turns)\b/.test(path)) return 'Turns';
  if (/^\/v1\/sessions\b/.test(path)) return 'Sessions';
  if (/^\/v1\/(keys|me|log(in|out)\S*)\b/.test(path)) return 'Access';
  return path.startsWith('/v1/') || path.startsWith('/openapi') || path === '/metrics' ? 'Operation' : 'Health';
};

/** Pure, and throws only when the tables contradict each other. `version` is the server's. */
export function openApiDocument(parts: { version: string; errors: ErrorTable }): OpenApiDocument {
  const schemas = createSchemaSet();
  schemas.add(problemSchema);
  const paths: OpenApiDocument['paths'] = {};
  for (const [name, route] of Object.entries(routes) as [RouteName, Route][]) {
    if (route.page) continue;
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(name, route, { schemas, errors: parts.errors }) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Holdfast',
      version: parts.version,
      description: ABOUT,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      contact: { name: 'Whoever runs this server' },
    },
    servers: [{ url: '/', description: 'This server.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    security: SIGNED,
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', bearerFormat: 'hf_…', description: 'An API key: `Authorization: Bearer hf_…`.' },
        login: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-hf-<install>',
          description:
            'The cookie of a sign-in, as `POST /v1/login` sets it; `<install>` differs between installs. Requests that change something also need `Content-Type: application/json` and come from a page of the same origin.',
        },
      },
      parameters: PARAMETERS,
      headers: HEADERS,
      schemas: Object.fromEntries(Object.entries(schemas.components).sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
}

interface Tables {
  schemas: SchemaSet;
  errors: ErrorTable;
}

function operation(name: string, route: Route, tables: Tables): JsonSchema {
  const parameters = parametersOf(route, tables.schemas);
  const body = route.body && { content: { 'application/json': { schema: tables.schemas.add(route.body) } }, required: !route.bodyOptional };
  return {
    operationId: name,
    tags: [tagOf(route.path)],
    summary: route.summary,
    description: descriptionOf(route),
    ...securityOf(route),
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: body }),
    responses: { ...successes(route, tables.schemas), ...failures(route, tables.errors) },
  };
}

function descriptionOf(route: Route): string {
  const sentences = [`${route.summary}.`];
  if (route.auth === 'public') sentences.push('Open to everyone.');
  else sentences.push(route.auth === 'admin' ? 'Needs an admin key.' : 'Needs any key; a client key reaches what it made itself.');
  if (route.openInDevelopment) sentences.push('In development it is open.');
  if (route.openLocally) sentences.push('In development, on a server bound to loopback, it is open to callers on the same machine.');
  if (route.startsWork)
    sentences.push(
      'Answers with the turn when it has ended; as server-sent events with `stream: true` or `Accept: text/event-stream`; at once with `Prefer: respond-async`.',
      'With an `Idempotency-Key` it can be sent again without doing the work twice.',
    );
  return sentences.join(' ');
}

function securityOf(route: Route): JsonSchema {
  if (route.auth === 'public') return { security: [] };
  return { security: route.openInDevelopment || route.openLocally ? [...SIGNED, {}] : SIGNED };
}

/** One of them; both only when they agree. */
const SIGNED = [{ apiKey: [] }, { login: [] }];

const streamOf = (route: Route): EventStream | undefined =>
  route.startsWork ? turnStream : Object.values(route.responses).find(({ stream }) => stream)?.stream;
const isTurn = (response: RouteResponse) => response.schema === turnAnswerSchema;

function parametersOf(route: Route, schemas: SchemaSet): JsonSchema[] {
  const found: JsonSchema[] = [];
  for (const [place, object] of [['path', route.params] as const, ['query', route.query] as const])
    for (const [name, schema] of Object.entries(object?.shape ?? {})) {
      const { description, ...rest } = schemas.add(schema);
      const required = place === 'path' || !schema.safeParse(undefined).success;
      found.push({ name, in: place, required, ...(description ? { description } : {}), schema: rest });
    }
  const refer = (name: keyof typeof PARAMETERS) => found.push({ $ref: `#/components/parameters/${name}` });
  if (route.startsWork) refer('IdempotencyKey');
  if (route.startsWork) refer('Prefer');
  const stream = streamOf(route);
  if (stream) found.push(lastEventId(stream));
  refer('RequestId');
  return found;
}

function successes(route: Route, schemas: SchemaSet): Found {
  const found: Found = {};
  for (const [status, response] of Object.entries(route.responses)) {
    const media = response.mediaType ?? 'application/json';
    const content: Found = {};
    if (response.schema) content[media] = { schema: schemas.add(response.schema) };
    const stream = response.stream ?? (route.startsWork && status === '200' ? turnStream : undefined);
    if (stream) content['text/event-stream'] = eventStream(stream, schemas);
    const headers = ['RequestId'];
    if (isTurn(response) && status === '200') headers.push('Degraded');
    if (status === '201' || status === '202') headers.push('Location');
    if (status === '202') headers.push('PreferenceApplied');
    if (route.setsCookie) headers.push('SetCookie');
    found[status] = {
      description: response.description,
      headers: headerRefs(headers),
      ...(Object.keys(content).length > 0 && { content }),
    };
  }
  return found;
}

const lastEventId = ({ idPattern }: EventStream): JsonSchema => ({
  name: 'Last-Event-ID',
  in: 'header',
  description: 'Of a stream: the `id` of the last event that arrived. The stream goes on after it, without gap or repetition.',
  schema: { type: 'string', pattern: idPattern },
});

/** A stream as the sequence of its events, the way OpenAPI 3.2 words it; `data` is one line of JSON. */
function eventStream({ name, description: about, kinds: said, idPattern }: EventStream, schemas: SchemaSet): JsonSchema {
  const kinds = said.map(({ type, description, data }) => ({
    type: 'object',
    description,
    properties: {
      event: { const: type },
      id: { type: 'string', pattern: idPattern, description: 'Where to resume, as Last-Event-ID.' },
      data: { type: 'string', contentMediaType: 'application/json', contentSchema: schemas.add(data) },
    },
    required: ['event', 'data'],
  }));
  schemas.components[name] = { type: 'array', description: about, items: { oneOf: kinds } };
  return { schema: { $ref: `#/components/schemas/${name}` } };
}

/** One response per status, with an example for each code that has it. */
function failures(route: Route, errors: ErrorTable): Found {
  const byStatus = new Map<number, { code: string; status: number; sentence: string; retryable: boolean }[]>();
  for (const { code, status } of problemsOf(route)) {
    const entry = errors[code];
    if (!entry) throw new Error(`no error has the code ${code}`);
    const problem = { ...entry, code, status: status ?? entry.status };
    byStatus.set(problem.status, [...(byStatus.get(problem.status) ?? []), problem]);
  }
  const found: Found = {};
  for (const [status, problems] of [...byStatus].sort(([a], [b]) => a - b)) {
    // A status the route itself gives a meaning (503 of `/health`) stays that; its problems cannot be told from it by status.
    if (route.responses[status]) continue;
    const headers = ['RequestId'];
    if (status === 401) headers.push('Authenticate');
    if (problems.some(({ retryable }) => retryable) && status !== 408) headers.push('RetryAfter');
    if (problems.some(({ code }) => code === 'draining')) headers.push('Location');
    const examples = Object.fromEntries(problems.map((problem) => [problem.code, { summary: problem.sentence, value: example(problem) }]));
    found[status] = {
      description: problems.map(({ code, sentence }) => `\`${code}\`: ${sentence}`).join(' '),
      headers: headerRefs(headers),
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' }, examples } },
    };
  }
  return found;
}

const example = ({ code, status, sentence }: { code: string; status: number; sentence: string }): JsonSchema => ({
  type: `urn:holdfast:error:${code}`,
  title: sentence,
  status,
  code,
  requestId: 'req_01jd2c9x8b7q6r5s4t3v2w1x0y',
});

const HEADER_NAMES: Record<string, string> = {
  RequestId: 'X-Request-Id',
  Degraded: 'X-Holdfast-Degraded',
  Location: 'Location',
  PreferenceApplied: 'Preference-Applied',
  RetryAfter: 'Retry-After',
  SetCookie: 'Set-Cookie',
  Authenticate: 'WWW-Authenticate',
};
const headerRefs = (keys: string[]): JsonSchema =>
  Object.fromEntries(keys.map((key) => [HEADER_NAMES[key] ?? key, { $ref: `#/components/headers/${key}` }]));

const text = { type: 'string' };
const HEADERS: Found = {
  RequestId: { description: 'Names this request in the log and the audit trail.', required: true, schema: text },
  Degraded: { description: '`true` when no model could answer and the reply is the fallback.', schema: { type: 'string', const: 'true' } },
  Location: {
    description: 'Where what was made, or what is still open, can be read.',
    schema: { type: 'string', format: 'uri-reference' },
  },
  PreferenceApplied: { description: '`respond-async`, when it was asked for.', schema: text },
  RetryAfter: { description: 'Seconds after which another attempt makes sense.', schema: { type: 'integer', minimum: 1 } },
  SetCookie: { description: 'The cookie of the sign-in: HttpOnly, Secure, SameSite=Strict.', schema: text },
  Authenticate: { description: 'The scheme to use (RFC 6750).', schema: text },
};

const PARAMETERS = {
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'Any text of yours, one per message. For 24 hours the same key with the same body leads to the same turn; with another body to a 422.',
    schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x20-\\x7e]+$' },
  },
  Prefer: {
    name: 'Prefer',
    in: 'header',
    description: '`respond-async`: do not wait for the turn, answer 202 with its Location.',
    schema: { type: 'string' },
    example: 'respond-async',
  },
  RequestId: {
    name: 'X-Request-Id',
    in: 'header',
    description: 'Your id for this request, 16 to 64 letters, digits, `-` or `_`. Anything else is replaced.',
    schema: { type: 'string', pattern: '^[A-Za-z0-9_-]{16,64}$' },
  },
} as const;

const ABOUT = [
  'A self-hosted AI agent server: every accepted message is stored, answered exactly once, encrypted and auditable.',
  'A turn is one message and everything done to answer it. When no model can answer, the turn ends `degraded`: its reply is an honest fallback, marked in body and header.',
  'Lists come in pages: send `nextCursor` back as `cursor`. Ids and cursors are opaque. Times are ISO 8601 in UTC. Answers may gain fields.',
  'Errors are RFC 9457 problems; `code` is stable.',
].join('\n\n');
