import { expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock as clock } from '../base/clock.ts';
import type { Json } from '../contract/message.ts';
import { defineTool } from './define-tool.ts';
import { RESULT_CHARS_MAX, RESULT_DEPTH_MAX, runTool } from './run-tool.ts';
import type { Tool, ToolContext } from './tool.ts';
import { ToolRefusal } from './tool-refusal.ts';

const SECRET = 'secret-in-an-error';
const any = z.object({ n: z.number().optional() });
const toolOf = (run: Tool<{ n?: number | undefined }>['run'], input: Tool['input'] = any): Tool =>
  ({ name: 'a_tool', description: '', input, run }) as Tool;

function run(tool: Tool, args: Json = {}, over: { timeoutMs?: number; signal?: AbortSignal } = {}) {
  const context: ToolContext = { sessionId: 's', turnId: 't', callId: 'c', signal: over.signal ?? new AbortController().signal };
  return runTool(tool, args, context, { clock, timeoutMs: over.timeoutMs ?? 5_000 });
}

/** Nests a value that deep. */
function nested(depth: number): Json {
  let value: Json = 1;
  for (let i = 0; i < depth; i += 1) value = [value];
  return value;
}

test('gives the validated input to the tool and its result back as JSON', async () => {
  const doubled = toolOf(({ n = 0 }) => ({ twice: n * 2 }));
  expect(await run(doubled, { n: 4, extra: true })).toMatchObject({ outcome: 'ok', value: { twice: 8 } });
  expect((await run(doubled, { n: 4 })).ms).toBeGreaterThanOrEqual(0);
});

test.each([['x'], [null], [[1]], [{ n: 'four' }]] as Json[][])('arguments %j that do not fit never reach the tool', async (args) => {
  let ran = false;
  const spy = toolOf(() => {
    ran = true;
    return null;
  });
  const { outcome, value } = await run(spy, args);
  expect([outcome, ran]).toEqual(['error', false]);
  expect(JSON.stringify(value)).toMatch(/arguments are not valid/);
  expect(JSON.stringify(value)).not.toContain('run-tool');
});

test('what a tool throws stays here, except what it wants the model to know', async () => {
  const thrower = (error: unknown) => toolOf(() => Promise.reject(error));
  for (const error of [new Error(SECRET), SECRET, undefined, { message: SECRET }]) {
    expect(await run(thrower(error))).toMatchObject({ outcome: 'error', value: { error: 'The tool failed.' } });
  }
  expect(await run(thrower(new ToolRefusal('No such city.')))).toMatchObject({ outcome: 'error', value: { error: 'No such city.' } });
  const badSchema = {
    '~standard': {
      version: 1,
      vendor: 'x',
      validate: () => {
        throw new Error(SECRET);
      },
    },
  } as const;
  expect(JSON.stringify(await run(toolOf(() => 1, badSchema)))).not.toContain(SECRET);
});

test('a tool that takes too long is left behind and told to stop', async () => {
  let aborted = false;
  const slow = toolOf(
    (_input, { signal }) =>
      new Promise(() => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
      }),
  );
  const startedAt = clock.monotonic();
  expect(await run(slow, {}, { timeoutMs: 50 })).toMatchObject({
    outcome: 'unknown',
    value: { error: expect.stringContaining('in time') },
  });
  expect(clock.monotonic() - startedAt).toBeLessThan(300);
  expect(aborted).toBe(true);
});

test('a cancelled turn stops its tool, and starts none', async () => {
  const stop = new AbortController();
  const begun = run(
    toolOf(() => new Promise(() => undefined)),
    {},
    { signal: stop.signal },
  );
  stop.abort();
  expect(await begun).toMatchObject({ outcome: 'unknown', value: { error: expect.stringContaining('not known') } });
  let ran = false;
  const spy = toolOf(() => {
    ran = true;
    return 1;
  });
  expect((await run(spy, {}, { signal: AbortSignal.abort() })).outcome).toBe('error');
  expect(ran).toBe(false);
});

test('results that are no JSON, too deep or too large are errors; the rest becomes plain JSON', async () => {
  const giving = (value: unknown) => run(toolOf(() => value as Json));
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  const trap = Object.defineProperty({}, 'x', {
    enumerable: true,
    get: () => {
      throw new Error(SECRET);
    },
  });
  for (const bad of [10n, cycle, trap, nested(RESULT_DEPTH_MAX + 1), nested(20_000), 'x'.repeat(RESULT_CHARS_MAX)]) {
    const seen = await giving(bad);
    expect(seen.outcome).toBe('error');
    expect(JSON.stringify(seen)).not.toContain(SECRET);
  }
  expect((await giving(undefined)).value).toBeNull();
  expect((await giving(new Date(0))).value).toBe('1970-01-01T00:00:00.000Z');
  expect((await giving({ a: Number.NaN, b: () => 1, c: [undefined] })).value).toEqual({ a: null, c: [null] });
  expect((await giving(nested(RESULT_DEPTH_MAX - 1))).outcome).toBe('ok');
  expect((await giving('x'.repeat(RESULT_CHARS_MAX - 2))).outcome).toBe('ok');
});

test('names models cannot call are refused', () => {
  const named = (name: string) => () => defineTool({ name, description: '', input: any, run: () => 1 });
  for (const name of ['', '1st', 'two words', 'a.b', 'x'.repeat(65), 'é']) expect(named(name)).toThrow(/name/);
  for (const name of ['a', '_a', 'current_time', 'get-it', 'x'.repeat(64)]) expect(named(name)).not.toThrow();
});

test('a result that shares its parts is measured as it would be written, and refused at once', async () => {
  let shared: Json = ['x'];
  for (let level = 0; level < 60; level += 1) shared = [shared, shared];
  const result = shared;
  expect(await run(toolOf(() => result))).toMatchObject({ outcome: 'error', value: { error: expect.stringContaining('too large') } });
});
