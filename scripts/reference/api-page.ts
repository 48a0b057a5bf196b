import { ERRORS } from '../../src/base/errors.ts';
import { openApiDocument } from '../../src/contract/openapi.ts';
import type { JsonSchema } from '../../src/contract/openapi-schemas.ts';
import { code, heading, table, typeText } from './markdown.ts';

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema: JsonSchema;
}
interface Content {
  content?: Record<string, { schema: JsonSchema; examples?: Record<string, unknown> }>;
}
interface Operation {
  tags: string[];
  description: string;
  parameters?: (Parameter | { $ref: string })[];
  requestBody?: Content;
  responses: Record<string, Content & { description: string }>;
}
interface Components {
  schemas: Record<string, JsonSchema>;
  parameters: Record<string, Parameter>;
}

/** The same document that `/openapi.json` answers with, for people who read. */
export function apiPage(): string[] {
  // The page must not change with every release.
  const document = openApiDocument({ version: '', errors: ERRORS });
  const components = document.components as Components;
  const lines = heading(
    'API',
    `${document.info.description}\n\nThe same as OpenAPI 3.1: \`/openapi.json\` of a running agent, or \`npx holdfast openapi\`. To try it out: \`/docs\`. Problems are explained in [errors](errors.md), streams in [events](events.md).`,
  );
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      operation: operation as unknown as Operation,
    })),
  );
  for (const { name: tag, description } of document.tags as { name: string; description: string }[]) {
    lines.push('', `## ${tag}`, '', description);
    for (const { name, operation } of all) if (operation.tags.includes(tag)) lines.push(...operationLines(name, operation, components));
  }
  lines.push('', '## Schemas');
  for (const [name, schema] of Object.entries(components.schemas)) lines.push('', `### ${name}`, '', '```ts', typeText(schema), '```');
  return lines;
}

function operationLines(name: string, operation: Operation, components: Components): string[] {
  const lines = ['', `### ${code(name)}`, '', operation.description];
  const parameters = (operation.parameters ?? []).map((each) => ('$ref' in each ? components.parameters[lastOf(each.$ref)] : each));
  const rows = parameters.flatMap((each) =>
    each ? [[code(each.name), each.in, each.required ? 'yes' : 'no', code(typeText(each.schema)), each.description ?? '']] : [],
  );
  lines.push('', ...table(['parameter', 'in', 'required', 'type', 'meaning'], rows));
  const body = operation.requestBody?.content?.['application/json']?.schema;
  if (body) lines.push('', `Body: ${linked(body)}`);
  const answers = Object.entries(operation.responses).map(([status, { description, content = {} }]) => [
    status,
    Object.entries(content)
      .map(([media, { schema }]) => (media === 'application/json' ? linked(schema) : `${code(media)} ${linked(schema)}`))
      .join(' or '),
    description,
  ]);
  return [...lines, '', ...table(['status', 'body', 'meaning'], answers)];
}

const lastOf = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1);

const linked = (schema: JsonSchema): string => {
  const text = typeText(schema);
  return typeof schema.$ref === 'string' ? `[${text}](#${text.toLowerCase()})` : code(text);
};
