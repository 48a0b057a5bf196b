import { z } from 'zod';

/** A piece of JSON Schema (2020-12, the dialect of OpenAPI 3.1). */
export type JsonSchema = { [key: string]: unknown };

export interface SchemaSet {
  /** The schema, or a reference to the component when it has an `id` in its `.meta()`. */
  add(schema: z.ZodType): JsonSchema;
  /** The components added so far, by name. */
  components: Record<string, JsonSchema>;
}

/** zod numbers recursive schemas without a name; the one we have is `z.json()`. */
const ANY_JSON = 'JsonValue';

/**
 * Schemas of what travels, gathered by name. All are shown as they are sent: an answer may gain fields, so only what we parse ourselves is closed.
 * Throws when two different schemas claim one name: one of them would go undocumented.
 */
export function createSchemaSet(): SchemaSet {
  const components: Record<string, JsonSchema> = {};
  return {
    components,
    add(schema) {
      const { $schema: _, $defs, ...rest } = withComponentRefs(z.toJSONSchema(schema, { io: 'input' })) as JsonSchema;
      for (const [given, found] of Object.entries(($defs ?? {}) as Record<string, JsonSchema>)) {
        const name = componentName(given);
        const known = components[name];
        if (known && JSON.stringify(known) !== JSON.stringify(found)) throw new Error(`two different schemas are called ${name}`);
        const { id: _id, ...body } = found;
        components[name] = body;
      }
      return rest;
    },
  };
}

const componentName = (given: string): string => (/^__schema\d+$/.test(given) ? ANY_JSON : given);

function withComponentRefs(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withComponentRefs);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) =>
      key === '$ref' && typeof item === 'string'
        ? [key, `#/components/schemas/${componentName(item.replace('#/$defs/', ''))}`]
        : [key, withComponentRefs(item)],
    ),
  );
}
