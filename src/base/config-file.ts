// Loads `holdfast.config.ts`: the project's own code, so everything that can go wrong in it ends as one sentence.
import { existsSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { checkDefinition } from './check-definition.ts';
import { ConfigError } from './errors.ts';

const NAMES = ['holdfast.config.ts', 'holdfast.config.mts', 'holdfast.config.js', 'holdfast.config.mjs'];

/** A file that waits for something that never comes would otherwise end the process without a word. */
const IMPORT_MS_MAX = 15_000;

export interface ConfigFile {
  /** File name without the folder. */
  name: string;
  /** The default export, as it is. */
  definition: Record<string, unknown>;
}

/** The config file of a folder, or undefined. Two of them are a ConfigError: nobody could say which one counts. */
export function findConfigFile(cwd: string): string | undefined {
  const found = NAMES.map((name) => join(cwd, name)).filter((path) => existsSync(path));
  if (found.length > 1) {
    const names = found.map((path) => basename(path));
    throw new ConfigError(
      `There are ${found.length} config files here: ${names.join(' and ')}.`,
      `keep one, for example: rm ${names.at(-1)}`,
    );
  }
  return found[0];
}

export async function loadConfigFile(path: string): Promise<ConfigFile> {
  const name = basename(path);
  const loaded = await withLimit(importFresh(path), name);
  if (!isRecord(loaded)) {
    throw new ConfigError(`${name} has no default export that is an agent.`, `end ${name} with: export default defineAgent({ … })`);
  }
  checkDefinition(loaded);
  return { name, definition: loaded };
}

async function importFresh(path: string): Promise<unknown> {
  try {
    const module: unknown = await import(pathToFileURL(path).href);
    return isRecord(module) ? module.default : undefined;
  } catch (error) {
    throw describe(error, path);
  }
}

async function withLimit<T>(work: Promise<T>, name: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new ConfigError(
      `${name} did not finish loading within ${IMPORT_MS_MAX / 1000} s.`,
      `look for an await in ${name} that never ends`,
    );
    timer = setTimeout(reject, IMPORT_MS_MAX, error);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What broke and where: the first line of the project's own files in the stack. */
function describe(error: unknown, path: string): ConfigError {
  const name = basename(path);
  const said = error instanceof Error ? `${error.name}: ${error.message.split('\n')[0]}` : 'it threw something that is no error';
  const place = ownPlace(error instanceof Error ? (error.stack ?? '') : '', dirname(path)) ?? name;
  return new ConfigError(`${name} could not be loaded (${place}): ${said}`, `correct ${place}, then: holdfast config validate`, {
    cause: error,
  });
}

function ownPlace(stack: string, folder: string): string | undefined {
  for (const match of stack.matchAll(/(file:\/\/\S+?|\/[^\s():]+):(\d+)(?::\d+)?/g)) {
    const file = match[1]?.startsWith('file:') ? fileURLToPath(match[1]) : (match[1] ?? '');
    if (file.startsWith(folder + sep) && !file.includes(`${sep}node_modules${sep}`)) return `${file.slice(folder.length + 1)}:${match[2]}`;
  }
  return undefined;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
