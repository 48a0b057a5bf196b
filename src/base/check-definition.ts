import { ConfigError } from './errors.ts';
import { modelNames, ownModels } from './model-list.ts';
import { nearNames } from './near-name.ts';
import { isProviderName, providerOf } from './providers.ts';

const KEYS = new Set(['name', 'instructions', 'models', 'tools', 'middleware', 'settings']);
const POINTS = ['onRequest', 'beforeModel', 'onReply', 'transformStream'] as const;
const FIX =
  'look at holdfast.config.ts: it must export `defineAgent({ name, instructions, models, tools, middleware, settings })` as its default';

/**
 * Checks what an author's file exports, whatever it is. Throws ConfigError naming every part that is wrong, misspelt names included: a guard that is
 * never called because of a typing slip is worse than none.
 */
export function checkDefinition(exported: unknown): void {
  if (exported === undefined) return;
  if (!isRecord(exported)) throw new ConfigError('The agent definition is not an object.', FIX);
  const wrong = [
    ...Object.keys(exported)
      .filter((key) => !KEYS.has(key))
      .map((key) => unknownPart(key, [...KEYS], 'an agent')),
    ...['name', 'instructions']
      .filter((key) => exported[key] !== undefined && typeof exported[key] !== 'string')
      .map((key) => `${key} is not text`),
    ...modelProblems(exported.models),
    ...listOf(exported, 'tools').flatMap((tool, index) => toolProblems(tool).map((problem) => `tools[${index}]: ${problem}`)),
    ...listOf(exported, 'middleware').flatMap((each, index) =>
      middlewareProblems(each).map((problem) => `middleware[${index}]: ${problem}`),
    ),
  ];
  if (wrong.length > 0)
    throw new ConfigError(
      `The agent definition has ${wrong.length === 1 ? 'a problem' : `${wrong.length} problems`}: ${wrong.join('; ')}.`,
      FIX,
    );
}

function listOf(exported: Record<string, unknown>, key: string): unknown[] {
  const list = exported[key];
  if (list === undefined) return [];
  return Array.isArray(list) ? list : [undefined];
}

const OWN_NAME = /^[a-z0-9][a-z0-9-]*\/[\w@][\w.:@-]*(\/[\w.:@-]+)*$/;
/** The versions of the AI SDK's interface whose streams the adapter reads. */
const VERSIONS = ['v2', 'v3', 'v4'];

function modelProblems(models: unknown): string[] {
  if (models !== undefined && modelNames(models) === undefined)
    return ['models is neither a list of provider/model nor an object of models by name'];
  return [...ownModels(models)].flatMap(([name, model]) => ownModelProblems(name, model).map((problem) => `models['${name}'] ${problem}`));
}

function ownModelProblems(name: string, model: unknown): string[] {
  const provider = providerOf(name);
  if (!OWN_NAME.test(name)) return ['needs a name such as mine/large: a word of your own, a slash, the model'];
  if (provider === 'demo' || isProviderName(provider))
    return [`takes the name of a provider that is built in: choose another word than ${provider}`];
  if (typeof model === 'function') return ["is a provider, not a model: call it with the name of one, as in createX()('large')"];
  if (!isRecord(model) || typeof model.doStream !== 'function')
    return ["is not a language model of the AI SDK (an object with doStream, as createX()('large') gives it)"];
  if (!VERSIONS.some((version) => version === model.specificationVersion))
    return [`follows a version of the AI SDK's interface that is not read here (${VERSIONS.join(', ')} are): update its package`];
  return [];
}

function toolProblems(tool: unknown): string[] {
  if (!isRecord(tool)) return ['is not a tool'];
  const input = tool.input;
  return [
    ...(typeof tool.name === 'string' && /^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$/.test(tool.name)
      ? []
      : [`name must be 1 to 64 letters, digits, _ or -, not beginning with a digit or -${quoted(tool.name)}`]),
    ...(typeof tool.description === 'string' ? [] : ['description is not text']),
    ...(typeof tool.run === 'function' ? [] : ['run is not a function']),
    ...((isRecord(input) || typeof input === 'function') && '~standard' in input
      ? []
      : ['input is not a Standard Schema (zod, valibot, arktype, …)']),
  ];
}

function middlewareProblems(each: unknown): string[] {
  if (!isRecord(each)) return ['is not an object'];
  return [
    ...(typeof each.name === 'string' ? [] : ['name is not text']),
    ...Object.keys(each)
      .filter((key) => key !== 'name' && !POINTS.some((point) => point === key))
      .map((key) => unknownPart(key, POINTS, 'a middleware')),
    ...POINTS.filter((point) => each[point] !== undefined && typeof each[point] !== 'function').map(
      (point) => `${point} is not a function`,
    ),
  ];
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A slip is found sooner when it is shown. */
const quoted = (name: unknown): string => (typeof name === 'string' ? `, and is ${JSON.stringify(name.slice(0, 80))}` : '');

function unknownPart(key: string, known: readonly string[], of: string): string {
  const [meant] = nearNames(key, known);
  return `${key} is not a part of ${of}${meant ? ` (did you mean ${meant}?)` : ''}`;
}
