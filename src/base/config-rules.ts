// Rules between settings: what is safe to start with.
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, parse, relative, sep } from 'node:path';
import { nearNames } from './near-name.ts';
import { isCallable, isProviderName, missingSetting, PROVIDERS, providerOf, usualModels } from './providers.ts';
import type { Resolved, SettingProblem } from './setting-layers.ts';
import { isLoopback } from './setting-parsers.ts';
import type { SettingValues } from './settings.ts';
import { userFolder } from './user-folder.ts';

/** All problems at once; nothing throws. `own` are the names of the models the author hands in. */
export function checkRules(resolved: Resolved, { home, cwd }: { home: string; cwd: string }, own: readonly string[]): SettingProblem[] {
  const { values, given } = resolved;
  const problems: SettingProblem[] = [];
  const refuse = (problem: string, fix: string) => problems.push({ problem, fix });
  // A setting that did not parse must not raise a second complaint as "not set".
  const broken = (name: string) => resolved.problems.some(({ problem }) => problem.startsWith(name));
  if (values.host !== undefined && !isLoopback(values.host) && values.adminKey === undefined && !broken('HOLDFAST_ADMIN_KEY')) {
    refuse(
      'HOST is not a loopback address, and there is no HOLDFAST_ADMIN_KEY',
      'set HOLDFAST_ADMIN_KEY (at least 32 random characters) or HOST=127.0.0.1',
    );
  }
  if (given.has('dashboardPort') && values.port !== 0 && values.port === values.dashboardPort) {
    refuse('PORT and DASHBOARD_PORT are the same', 'set DASHBOARD_PORT=0: the dashboard is also under /ui/ of the API port');
  }
  if (values.databaseUrl !== undefined) {
    refuse('DATABASE_URL is set, and this version keeps its state in SQLite only', 'unset DATABASE_URL');
  }
  if ([parse(home).root, userFolder(), cwd].includes(home)) {
    refuse('HOLDFAST_HOME must be a folder of its own: it becomes readable by you alone', 'HOLDFAST_HOME=./.holdfast');
  }
  if (values.env === 'production') {
    problems.push(...productionKeys(resolved, home, broken));
    problems.push(...productionModels(resolved));
  }
  problems.push(...namedInVain(resolved, own));
  problems.push(...unknownProviders(values.models ?? [], own));
  return problems;
}

function productionKeys(resolved: Resolved, home: string, broken: (name: string) => boolean): SettingProblem[] {
  const outside = 'keep the key outside HOLDFAST_HOME and point HOLDFAST_MASTER_KEY_FILE at it';
  const file = resolved.secretFiles.get('masterKey');
  if (file !== undefined && isInside(file, home))
    return [{ problem: 'HOLDFAST_MASTER_KEY_FILE lies inside HOLDFAST_HOME: whoever takes the data takes the key', fix: outside }];
  if (existsSync(join(home, 'keys', 'master.key'))) {
    return [
      {
        problem: 'AGENT_ENV is production, and a master key file lies in HOLDFAST_HOME beside the data',
        fix: `${outside} (move keys/master.key; do not make a new one)`,
      },
    ];
  }
  if (resolved.values.masterKey !== undefined || broken('HOLDFAST_MASTER_KEY')) return [];
  return [
    {
      problem: 'AGENT_ENV is production, and HOLDFAST_MASTER_KEY is not set',
      fix: 'set HOLDFAST_MASTER_KEY or HOLDFAST_MASTER_KEY_FILE (32 random bytes, base64)',
    },
  ];
}

function productionModels({ values, problems }: Resolved): SettingProblem[] {
  if (values.models?.includes('demo'))
    return [
      {
        problem: 'AGENT_ENV is production, and HOLDFAST_MODELS names demo, whose replies are canned',
        fix: 'HOLDFAST_MODELS=gemini/gemini-flash-latest',
      },
    ];
  // One that did not parse has been complained about, and was meant as a key.
  if (values.models !== undefined || usualModels(values).length > 0 || problems.some(({ problem }) => MODEL_SETTING.test(problem)))
    return [];
  return [{ problem: 'AGENT_ENV is production, and no model has a key', fix: `set ${keySettings().join(' or ')} (or …_FILE)` }];
}

/** Somebody who names models is not answered by others: with none of them callable there is no start. */
function namedInVain({ values, sources, problems }: Resolved, own: readonly string[]): SettingProblem[] {
  const missing = uncallable(values, own);
  const isInVain = missing.length > 0 && missing.length === values.models?.length;
  if (!isInVain || problems.some(({ problem }) => MODEL_SETTING.test(problem))) return [];
  const isFromFile = sources.some(({ name, source }) => name === 'HOLDFAST_MODELS' && source === 'config file');
  const asks = isFromFile ? 'models in the config file asks for' : 'HOLDFAST_MODELS asks for';
  const settings = [...new Set(missing.map(({ setting }) => setting))];
  const providers = [...new Set(missing.map(({ model }) => providerOf(model)))];
  const demo = values.env === 'production' ? '' : ', or for canned replies: HOLDFAST_MODELS=demo';
  return [
    {
      problem: `${asks} ${providers.join(' and ')}, and ${settings.join(' and ')} ${settings.length === 1 ? 'is' : 'are'} missing`,
      fix: `${howToGet(settings[0] ?? '')}${demo}`,
    },
  ];
}

/** Models somebody named that will be passed over because of a missing setting. */
export function uncallable(values: SettingValues, own: readonly string[]): { model: string; setting: string }[] {
  return (values.models ?? []).flatMap((model) => {
    const setting = missingSetting(model);
    return setting === undefined || own.includes(model) || isCallable(values, model) ? [] : [{ model, setting }];
  });
}

/** The same as something to be told to people. */
export const modelWarnings = (missing: ReturnType<typeof uncallable>): SettingProblem[] =>
  missing.map(({ model, setting }) => ({
    problem: `HOLDFAST_MODELS names ${model}, which is passed over: ${setting} is missing`,
    fix: `${howToGet(setting)}, or take ${model} off the list`,
  }));

function howToGet(setting: string): string {
  const page = Object.values(PROVIDERS).find((provider) => provider.setting === setting)?.keyPage;
  return `put ${setting}=… into .env${page === undefined ? '' : ` (${page})`}`;
}

const MODEL_SETTING = /^(GEMINI|GOOGLE|OPENAI|ANTHROPIC|OLLAMA|HOLDFAST_MODELS)/;

/** Every model belongs to a provider of ours or was handed in by the author. */
function unknownProviders(names: readonly string[], own: readonly string[]): SettingProblem[] {
  const known = Object.keys(PROVIDERS);
  const strange = names.filter((name) => name !== 'demo' && !isProviderName(providerOf(name)) && !own.includes(name));
  if (strange.length === 0) return [];
  const [near] = nearNames(providerOf(strange[0] ?? ''), known);
  const guess = near === undefined ? '' : ` Did you mean ${near}/…?`;
  const handed = own.length === 0 ? '' : `, what holdfast.config hands in (${own.join(', ')})`;
  return [
    {
      problem: `HOLDFAST_MODELS names a provider this version does not have; it has: ${known.join(', ')}${handed}, and the model demo.${guess}`,
      fix: 'HOLDFAST_MODELS=gemini/gemini-flash-latest',
    },
  ];
}

const keySettings = (): string[] =>
  Object.values(PROVIDERS).flatMap(({ setting, usualModel }) => (usualModel === undefined ? [] : [setting]));

/** What is asked, in order: what was named, or the usual model of the first key there is, or (in development) the labelled demo model. */
export function effectiveModels(values: SettingValues): { names: string[]; note?: string } {
  if (values.models !== undefined) return { names: values.models };
  const names = usualModels(values).slice(0, 1);
  if (names.length > 0) return { names, note: 'the usual model of the first key' };
  return { names: ['demo'], note: `no model key found (${keySettings().join(', ')})` };
}

/** By real paths, so that a symbolic link does not hide where the file lies. */
function isInside(file: string, folder: string): boolean {
  const path = relative(real(folder), real(file));
  return !isAbsolute(path) && path !== '..' && !path.startsWith(`..${sep}`);
}

/** The real path of the longest part that exists. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // Not there yet: its parent decides.
    const parent = dirname(path);
    return parent === path ? path : join(real(parent), basename(path));
  }
}
