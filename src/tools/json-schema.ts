// What models are told about tools: JSON Schema of their inputs.
import { z } from 'zod';
import { ConfigError } from '../base/errors.ts';
import type { StandardSchema, Tool } from './tool.ts';

/** A tool as a model is told about it; fits `ToolSpec` of the model floor. */
export interface DescribedTool {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
}

/** Throws ConfigError for a tool whose schema cannot be had, or a name used twice. */
export function toolSpecs(tools: readonly Tool[]): DescribedTool[] {
  const seen = new Set<string>();
  return tools.map((tool) => {
    if (seen.has(tool.name)) throw new ConfigError(`Two tools are named ${tool.name}.`, 'give each tool its own name');
    seen.add(tool.name);
    return { name: tool.name, description: tool.description, parameters: parametersOf(tool) };
  });
}

/** JSON Schema 2020-12 of a tool's input: as the author gave it, as the schema tells it itself, or from zod. */
export function parametersOf(tool: Tool): Record<string, unknown> {
  const schema = tool.parameters ?? derive(tool);
  if (schema.type !== 'object') {
    throw new ConfigError(
      `The input of the tool ${tool.name} is not an object.`,
      'let its input schema describe an object, such as z.object({ … })',
    );
  }
  const { $schema: _dialect, ...parameters } = schema;
  return parameters;
}

function derive(tool: Tool): Record<string, unknown> {
  let schema: unknown;
  let cause: unknown;
  try {
    schema = ownJsonSchema(tool.input) ?? zodJsonSchema(tool.input);
  } catch (error) {
    cause = error; // a transform, a date or the like has no JSON Schema
  }
  if (isRecord(schema)) return schema;
  throw new ConfigError(
    `The input schema of the tool ${tool.name} cannot be turned into JSON Schema.`,
    'add `parameters` with its JSON Schema to the tool, or use only types that JSON has',
    { cause },
  );
}

/** Standard JSON Schema (standardschema.dev): `~standard.jsonSchema.input({target})`. */
function ownJsonSchema(input: StandardSchema): unknown {
  const standard = input['~standard'] as { jsonSchema?: { input?: (options: { target: string }) => unknown } };
  return standard.jsonSchema?.input?.({ target: 'draft-2020-12' });
}

function zodJsonSchema(input: StandardSchema): unknown {
  if (input['~standard'].vendor !== 'zod' || !('_zod' in input)) return undefined;
  return z.toJSONSchema(input as unknown as z.ZodType, { io: 'input', target: 'draft-2020-12' });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
