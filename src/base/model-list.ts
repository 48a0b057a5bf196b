// `models` of an agent: names, and models the author hands in under a name of their own.

/** `['gemini/a', { 'mine/x': model }]`, or the record alone. */
const entriesOf = (models: unknown): unknown[] => (Array.isArray(models) ? models : models === undefined ? [] : [models]);

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every name in order, or undefined when something in there is no name and hands in nothing. */
export function modelNames(models: unknown): string[] | undefined {
  const entries = entriesOf(models);
  const names = entries.flatMap((entry) => (typeof entry === 'string' ? [entry] : isRecord(entry) ? Object.keys(entry) : []));
  return entries.every((entry) => typeof entry === 'string' || isRecord(entry)) ? names : undefined;
}

/** What is handed in, by name; the last one of a name counts. */
export function ownModels(models: unknown): Map<string, unknown> {
  return new Map(entriesOf(models).flatMap((entry) => (isRecord(entry) ? Object.entries(entry) : [])));
}

export const ownModelNames = (models: unknown): string[] => [...ownModels(models).keys()];
