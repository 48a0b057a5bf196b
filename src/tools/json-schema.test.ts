import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import { builtInTools } from './built-in.ts';
import { parametersOf, toolSpecs } from './json-schema.ts';
import type { StandardSchema, Tool } from './tool.ts';

const toolOf = (input: unknown, parameters?: Record<string, unknown>): Tool => ({
  name: 'a_tool',
  description: 'Does it.',
  input: input as StandardSchema,
  ...(parameters ? { parameters } : {}),
  run: () => null,
});
const foreign = (standard: object) => ({
  '~standard': { version: 1, vendor: 'other', validate: (value: unknown) => ({ value }), ...standard },
});

describe('the schema of a tool', () => {
  test('comes from zod', () => {
    const schema = parametersOf(toolOf(z.object({ city: z.string().describe('A city'), days: z.number().int().default(1) })));
    expect(schema).toMatchObject({
      type: 'object',
      properties: { city: { type: 'string', description: 'A city' }, days: { type: 'integer' } },
      required: ['city'],
    });
    expect(schema).not.toHaveProperty('$schema');
  });

  test('comes from any schema that tells it itself', () => {
    const jsonSchema = { input: ({ target }: { target: string }) => ({ type: 'object', title: target }) };
    expect(parametersOf(toolOf(foreign({ jsonSchema })))).toEqual({ type: 'object', title: 'draft-2020-12' });
  });

  test('is what the author says, when the author says it', () => {
    expect(parametersOf(toolOf(foreign({}), { type: 'object', properties: {} }))).toEqual({ type: 'object', properties: {} });
  });

  test('that cannot be had, or is no object, stops the start with a way out', () => {
    for (const input of [foreign({}), z.object({ when: z.date() }), z.string(), foreign({ jsonSchema: { input: () => 7 } })]) {
      expect(() => parametersOf(toolOf(input))).toThrow(ConfigError);
    }
    expect(() => toolSpecs([toolOf(z.object({})), toolOf(z.object({}))])).toThrow(/named a_tool/);
  });
});

test('the built-in tools describe themselves', () => {
  const specs = toolSpecs(builtInTools(systemClock));
  expect(specs.map(({ name }) => name)).toEqual(['current_time', 'calculate']);
  for (const { description, parameters } of specs) expect([description.length > 10, parameters.type]).toEqual([true, 'object']);
});
