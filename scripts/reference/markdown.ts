import type { JsonSchema } from '../../src/contract/openapi-schemas.ts';

/** The first lines of every page. */
export const heading = (title: string, about: string): string[] => [
  `# ${title}`,
  '',
  `<!-- Made by \`npm run reference\`. Edit what it is made of, not this page. -->`,
  '',
  about,
];

export function table(head: string[], rows: string[][]): string[] {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ') || '–').join(' | ')} |`;
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)];
}

export const code = (text: string): string => `\`${text}\``;

type Many = JsonSchema[] | undefined;

/** A schema the way one writes types, references by name. */
export function typeText(given: unknown, indent = ''): string {
  if (typeof given !== 'object' || given === null) return 'anything';
  const schema = given as JsonSchema;
  if (typeof schema.$ref === 'string') return schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
  if ('const' in schema) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const many = (schema.oneOf ?? schema.anyOf) as Many;
  if (many) return many.map((each) => typeText(each, indent)).join(' | ');
  if (schema.type === 'array') {
    const item = typeText(schema.items, indent);
    return item.includes(' | ') ? `(${item})[]` : `${item}[]`;
  }
  if (schema.contentSchema) return `JSON of ${typeText(schema.contentSchema, indent)}`;
  return schema.type === 'object' ? objectText(schema, indent) : [schema.type ?? 'anything'].flat().join(' | ');
}

function objectText(schema: JsonSchema, indent: string): string {
  if (!schema.properties) return `{ [name]: ${typeText(schema.additionalProperties, indent)} }`;
  const deeper = `${indent}  `;
  const required = (schema.required ?? []) as string[];
  const lines = Object.entries(schema.properties as Record<string, JsonSchema>).map(([name, property]) => {
    const note = property.description ? `  // ${property.description}` : '';
    return `${deeper}${name}${required.includes(name) ? '' : '?'}: ${typeText(property, deeper)}${note}`;
  });
  return ['{', ...lines, `${indent}}`].join('\n');
}
