// Rules between settings: what is safe to start with.
import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, parse, relative, sep } from 'node:path';
import { nearNames } from './near-name.ts';
import { accessOf, isProviderName, missingSetting, PROVIDERS, providerOf, usualModels } from './providers.ts';
import type { Resolved, SettingProblem } from './setting-layers.ts';
import { isLoopback } from './setting-parsers.ts';
import type { SettingValues } from './settings.ts';

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
  if ([parse(home).root, homedir(), cwd].includes(home)) {
    refuse('HOLDFAST_HOME must be a folder of its own: it becomes readable by you alone', 'HOLDFAST_HOME=./.holdfast');
  }
  if (values.env === 'production') {
    problems.push(...productionKeys(resolved, home, broken));
    problems.push(...productionModels(resolved, own));
  }
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

function productionModels({ values, problems }: Resolved, own: readonly string[]): SettingProblem[] {
  const names = values.models ?? [];
  if (names.includes('demo'))
    return [
      {
        problem: 'AGENT_ENV is production, and HOLDFAST_MODELS names demo, whose replies are canned',
        fix: 'HOLDFAST_MODELS=gemini/gemini-flash-latest',
      },
    ];
  const settings = settingsOf(names);
  // One that did not parse has been complained about, and was meant as a key.
  if (isCallable(values, names, own) || problems.some(({ problem }) => MODEL_SETTING.test(problem))) return [];
  return [{ problem: 'AGENT_ENV is production, and no model has a key', fix: `set ${settings.join(' or ')} (or …_FILE)` }];
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

/** The settings that would make these models callable; with none named, those of every provider that has a usual model. */
function settingsOf(names: readonly string[]): string[] {
  const wanted = names.flatMap((name) => missingSetting(name) ?? []);
  if (wanted.length > 0) return [...new Set(wanted)];
  return Object.values(PROVIDERS).flatMap(({ setting, usualModel }) => (usualModel === undefined ? [] : [setting]));
}

function isCallable(values: SettingValues, names: readonly string[], own: readonly string[]): boolean {
  if (names.length === 0) return usualModels(values).length > 0;
  const access: Record<string, unknown> = { ...accessOf(values), gemini: values.geminiKey };
  return names.some((name) => own.includes(name) || access[providerOf(name)] !== undefined);
}

/**
 * What is asked, in order. With no list it is the usual model of the first key there is; in development a list of which nothing can be called is answered
 * by the labelled demo model. `own` are the models the author hands in.
 */
export function effectiveModels(values: SettingValues, own: readonly string[]): { names: string[]; note?: string } {
  const names = values.models ?? usualModels(values).slice(0, 1);
  if (isCallable(values, names, own)) return values.models ? { names } : { names, note: 'the usual model of the first key' };
  return names.join() === 'demo' ? { names } : { names: ['demo'], note: `no model key found (${settingsOf(names).join(', ')})` };
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
