import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ERRORS } from '../base/errors.ts';
import { eventBody, eventKinds, type TurnEvent } from './events.ts';
import { openApiDocument } from './openapi.ts';
import { createSchemaSet } from './openapi-schemas.ts';
import { problemsOf } from './route-problems.ts';
import { type Route, routes } from './routes.ts';

interface Operation {
  operationId: string;
  security: unknown;
  parameters: { $ref?: string; name?: string; in?: string }[];
  requestBody?: { required: boolean };
  responses: Record<
    string,
    { headers: Record<string, unknown>; content?: Record<string, { schema: unknown; examples?: Record<string, unknown> }> }
  >;
}

const document = openApiDocument({ version: '1.2.3', errors: ERRORS });
const operations = Object.values(document.paths).flatMap((path) => Object.values(path)) as unknown as Operation[];
const operation = (id: string): Operation => operations.find(({ operationId }) => operationId === id) as Operation;
const table = Object.entries<Route>(routes);

describe('the document', () => {
  test('has every route of the table but the pages', () => {
    const wanted = table.filter(([, route]) => !route.page).map(([name]) => name);
    expect(operations.map(({ operationId }) => operationId).sort()).toEqual(wanted.sort());
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.info.version).toBe('1.2.3');
  });

  test('refers only to what it has, and has nothing that nobody refers to', () => {
    const text = JSON.stringify(document);
    const referred = new Set([...text.matchAll(/"\$ref":"#\/components\/([^"]+)"/g)].map(([, at]) => at));
    const components = document.components as Record<string, Record<string, unknown>>;
    const there = ['schemas', 'parameters', 'headers'].flatMap((kind) =>
      Object.keys(components[kind] ?? {}).map((name) => `${kind}/${name}`),
    );
    expect([...referred].sort()).toEqual(there.sort());
    expect(text).not.toMatch(/__schema|\$defs/);
    expect(there.length).toBeGreaterThan(25);
  });

  test('says for each operation which successes and which problems it has', () => {
    for (const [name, route] of table.filter(([, each]) => !each.page)) {
      const { responses } = operation(name);
      for (const { code, status } of problemsOf(route)) {
        const at = status ?? ERRORS[code as keyof typeof ERRORS].status;
        expect(responses[at]?.content?.['application/problem+json']?.examples, `${name} ${code}`).toHaveProperty(code);
      }
      for (const status of Object.keys(route.responses)) expect(responses, name).toHaveProperty(status);
      for (const response of Object.values(responses)) expect(Object.keys(response.headers)).toContain('X-Request-Id');
    }
  });

  test('leaves no code of the table of errors out but that of a wrong method', () => {
    const given = new Set(table.flatMap(([, route]) => problemsOf(route).map(({ code }) => code)));
    expect([...given, 'method_not_allowed'].sort()).toEqual(Object.keys(ERRORS).sort());
  });

  test('refuses a code that is not in the table of errors', () => {
    const { internal: _, ...fewer } = ERRORS;
    expect(() => openApiDocument({ version: '1', errors: fewer })).toThrow('internal');
  });

  test('says who may call what', () => {
    expect(operation('health').security).toEqual([]);
    expect(operation('chat').security).toEqual([{ apiKey: [] }, { login: [] }]);
    expect(operation('openapi').security).toEqual([{ apiKey: [] }, { login: [] }, {}]);
    expect(operation('health').responses).not.toHaveProperty('401');
    expect(operation('chat').responses).toHaveProperty('401');
  });

  test('shows the headers and the stream of what starts a turn', () => {
    const { parameters, responses, requestBody } = operation('chat');
    const names = parameters.map(({ $ref, name }) => name ?? $ref?.split('/').at(-1));
    expect(names).toEqual(['IdempotencyKey', 'Prefer', 'Last-Event-ID', 'RequestId']);
    expect(Object.keys(responses[200]?.content ?? {})).toEqual(['application/json', 'text/event-stream']);
    expect(Object.keys(responses[200]?.headers ?? {})).toContain('X-Holdfast-Degraded');
    expect(Object.keys(responses[202]?.headers ?? {})).toContain('Location');
    expect(Object.keys(responses[503]?.headers ?? {})).toContain('Retry-After');
    expect(requestBody?.required).toBe(true);
    expect(operation('retryTurn').requestBody?.required).toBe(false);
    expect(operation('turnEvents').parameters.map(({ $ref, name }) => name ?? $ref?.split('/').at(-1))).toEqual([
      'id',
      'Last-Event-ID',
      'RequestId',
    ]);
    expect(
      operation('listTurns')
        .parameters.filter((each) => each.in === 'query')
        .map(({ name }) => name),
    ).toContain('cursor');
  });

  test('closes what we parse and leaves open what we answer, so that answers may gain fields', () => {
    const { schemas } = document.components as { schemas: Record<string, Record<string, unknown>> };
    expect(schemas.ChatRequest?.additionalProperties).toBe(false);
    expect(schemas.Turn).not.toHaveProperty('additionalProperties');
  });
});

test('two different schemas of one name are an error', () => {
  const set = createSchemaSet();
  set.add(z.object({ a: z.string() }).meta({ id: 'OpenApiTestA' }));
  const other = z.object({ list: z.array(z.object({ b: z.string() }).meta({ id: 'OpenApiTestB' })) });
  expect(set.add(other)).toMatchObject({ properties: { list: { items: { $ref: '#/components/schemas/OpenApiTestB' } } } });
  Object.assign(set.components, { OpenApiTestB: { type: 'string' } });
  expect(() => set.add(other)).toThrow('OpenApiTestB');
});

test('each kind of event is described, and its data is what a stream sends', () => {
  expect(eventKinds.map(({ type }) => type)).toContain('turn.end');
  for (const { description } of eventKinds) expect(description).not.toBe('');
  const delta: TurnEvent = { type: 'text.delta', at: 3, text: 'abc' };
  const kind = eventKinds.find(({ type }) => type === 'text.delta');
  expect(kind?.data.parse(eventBody(delta))).toEqual({ at: 3, text: 'abc' });
});
