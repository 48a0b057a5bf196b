// Rules between settings: what is safe to start with.
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, parse, relative, sep } from 'node:path';
import type { Resolved, SettingProblem } from './setting-layers.ts';
import { isLoopback } from './setting-parsers.ts';
import type { SettingValues } from './settings.ts';
import { userFolder } from './user-folder.ts';

/** All problems at once; nothing throws. */
export function checkRules(resolved: Resolved, home: string, cwd: string): SettingProblem[] {
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
    problems.push(...productionModels(values, broken));
  }
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

function productionModels(values: SettingValues, broken: (name: string) => boolean): SettingProblem[] {
  const models = values.models ?? [];
  if (models.includes('demo'))
    return [
      {
        problem: 'AGENT_ENV is production, and HOLDFAST_MODELS names demo, whose replies are canned',
        fix: 'HOLDFAST_MODELS=gemini/gemini-flash-latest',
      },
    ];
  if (values.geminiKey === undefined && !broken('GEMINI_API_KEY') && !broken('GOOGLE_API_KEY')) {
    return [{ problem: 'AGENT_ENV is production, and no model has a key', fix: 'set GEMINI_API_KEY or GEMINI_API_KEY_FILE' }];
  }
  return [];
}

/** In development a list without any key is answered by the labelled demo model. */
export function effectiveModels(values: SettingValues): { names: string[]; note?: string } {
  const names = values.models ?? ['demo'];
  const isKeyless = values.geminiKey === undefined && names.some((name) => name.startsWith('gemini/'));
  return isKeyless ? { names: ['demo'], note: 'no model key found' } : { names };
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
