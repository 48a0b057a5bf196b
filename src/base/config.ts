import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findConfigFile, loadConfigFile } from './config-file.ts';
import { checkRules, effectiveModels, modelWarnings, uncallable } from './config-rules.ts';
import { readDotenv } from './dotenv.ts';
import { ConfigError } from './errors.ts';
import type { LogLevel } from './log.ts';
import { modelNames, ownModelNames } from './model-list.ts';
import { nearNames } from './near-name.ts';
import { accessOf, type OtherProvider, type ProviderAccess } from './providers.ts';
import type { Secret } from './secret.ts';
import {
  errorCode,
  type Layer,
  type Reading,
  type Resolved,
  resolveSettings,
  type SettingProblem,
  type SettingSource,
  unknownNames,
} from './setting-layers.ts';
import { knownNames, SETTING_KEYS, type Setting, type SettingKey, type SettingValues, settingOf } from './settings.ts';
import { shownSources } from './shown-sources.ts';
import { userFolder } from './user-folder.ts';

export type { SettingSource } from './setting-layers.ts';

/** Every setting after parsing. Names and defaults are in the settings table of `settings.ts`; durations are milliseconds. */
export interface Config {
  env: 'development' | 'production';
  home: string;
  host: string;
  port: number;
  dashboardPort: number;
  /** True when 3000 came from the default: a busy port is then no reason to fail. */
  dashboardPortIsDefault: boolean;
  publicUrl?: string;
  allowedHosts: string[];
  trustProxy: boolean;
  masterKey?: Secret;
  adminKey?: Secret;
  gemini: { apiKey?: Secret; baseUrl: string };
  /** The other providers that can be called. */
  others: Partial<Record<OtherProvider, ProviderAccess>>;
  /** Fallback order, `provider/model` or `demo`; already resolved (a keyless development run is `['demo']`). */
  models: string[];
  deadlineMs: number;
  streamDeadlineMs: number;
  firstByteMs: number;
  idleMs: number;
  drainMs: number;
  /** An open turn older than this fails as `expired`. */
  turnExpiryMs: number;
  /** Most messages of history a model sees. */
  historyMessages: number;
  /** Most model calls in one turn. */
  stepsMax: number;
  /** Model calls under way at once, per provider; twice as many may wait. */
  modelConcurrency: number;
  alerts: AlertConfig;
  databaseUrl?: Secret;
  logLevel: LogLevel;
}

/** When an operator is told, and where. Durations are milliseconds. */
export interface AlertConfig {
  webhook?: Secret;
  /** 1 to 100. */
  errorPercent: number;
  errorTurns: number;
  windowMs: number;
  modelDownMs: number;
  /** MiB; 0 for never. */
  diskFreeMb: number;
  noProgressMs: number;
  /** 0 for never. */
  auditMs: number;
  clearMs: number;
  checkMs: number;
}

export type Env = Readonly<Record<string, string | undefined>>;

export interface ConfigInput {
  /** Values of `--host`, `--port`, `--dashboard-port`, as typed. */
  flags?: { host?: string; port?: string; dashboardPort?: string };
  env: Env;
  cwd: string;
  /** Throws as `fs.readFileSync` does. */
  readFile?: (path: string) => Buffer;
  /** Path of the config file; false for none; otherwise `holdfast.config.ts|mts|js|mjs` of `cwd` if it is there. */
  configFile?: string | false;
}

export interface LoadedConfig {
  config: Config;
  /** What won for each setting, redacted. */
  sources: SettingSource[];
  /** What a start survives, and somebody should know. */
  warnings: SettingProblem[];
  /** Models that were named and cannot be called, with the setting they lack. */
  uncallable: { model: string; setting: string }[];
  /** The default export of the config file, as it is; the server checks it. */
  agent?: unknown;
}

/** The process's environment. The only place that reads it. */
export const processEnv = (): Env => process.env;

/**
 * Flags > environment > `.env` > config file > defaults. Throws one ConfigError that names everything that is wrong and quotes no values.
 */
export async function loadConfig(input: ConfigInput): Promise<LoadedConfig> {
  const reading = readingOf(input);
  const dotenv = dotenvOf(reading);
  const path = input.configFile === undefined ? findConfigFile(input.cwd) : input.configFile || undefined;
  const file = path === undefined ? undefined : await loadConfigFile(path);
  const fromFile = fileLayer(file);
  const layers: Layer[] = [
    flagLayer(input.flags ?? {}),
    { source: 'environment', label: 'the environment', values: input.env },
    dotenv.layer,
  ];
  if (file) layers.push({ source: 'config file', label: file.name, values: fromFile.values });
  const resolved = resolveSettings(layers, reading);
  const problems = [...unknownNames(input.env), ...dotenv.problems, ...fromFile.problems, ...resolved.problems];
  const home = homeFolder(input.cwd, resolved.values.home);
  const own = ownModelNames(file?.definition.models);
  problems.push(...checkRules(resolved, { home, cwd: input.cwd }, own));
  if (problems.length > 0) throw configError(problems);
  const models = effectiveModels(resolved.values);
  const missing = uncallable(resolved.values, own);
  const loaded: LoadedConfig = {
    config: build(resolved, home, models.names),
    sources: shownSources(resolved.sources, { home, models }),
    warnings: [...dotenv.warnings, ...modelWarnings(missing)],
    uncallable: missing,
  };
  return file ? { ...loaded, agent: file.definition } : loaded;
}

/** What the command line must know: found without running the project's code, so that `stop` works when that is broken. */
export interface ClientConfig {
  home: string;
  url?: string;
  apiKey?: Secret;
}

type SomeInput = Pick<ConfigInput, 'env' | 'cwd' | 'readFile'>;

const CLIENT_KEYS: SettingKey[] = ['home', 'clientUrl', 'clientKey'];

/** Throws ConfigError as `loadConfig` does, but only for the settings it needs and for what looks like one of them. */
export function loadClientConfig(input: SomeInput): ClientConfig {
  const { home, clientUrl, clientKey } = loadSome(input, CLIENT_KEYS);
  return {
    home: homeFolder(input.cwd, home),
    ...(clientUrl === undefined ? {} : { url: clientUrl }),
    ...(clientKey === undefined ? {} : { apiKey: clientKey }),
  };
}

/** Where the data is and what opens it, for a look that must work when other settings are wrong. Throws as `loadClientConfig` does. */
export function loadDataConfig(input: SomeInput): { home: string; masterKey?: Secret; diskFreeMb: number } {
  const { home, masterKey, alertDiskFreeMb } = loadSome(input, ['home', 'masterKey', 'alertDiskFreeMb']);
  return { home: homeFolder(input.cwd, home), ...(masterKey === undefined ? {} : { masterKey }), diskFreeMb: alertDiskFreeMb ?? 0 };
}

/** Without flags and without running the project's own code. */
function loadSome(input: SomeInput, keys: readonly SettingKey[]): SettingValues {
  const reading = readingOf(input);
  const dotenv = dotenvOf(reading);
  const resolved = resolveSettings([{ source: 'environment', label: 'the environment', values: input.env }, dotenv.layer], reading, keys);
  const wanted = keys.flatMap((key) => settingOf(key).names);
  const slips = [...unknownNames(input.env), ...dotenv.problems].filter(({ problem }) => wanted.some((name) => problem.includes(name)));
  const problems = [...slips, ...resolved.problems];
  if (problems.length > 0) throw configError(problems);
  return resolved.values;
}

/** Settings by name, secrets as `[secret]`, what is not set as null: what `config show --json` prints. */
export function publicConfig(sources: readonly SettingSource[]): Record<string, string | null> {
  return Object.fromEntries(sources.map((source) => [source.name, source.value]));
}

/** `~/…` means the same in `.env` as in a shell. */
function homeFolder(cwd: string, text = '.holdfast'): string {
  const [tilde] = /^~(?=$|\/)/.exec(text) ?? [];
  if (tilde === undefined) return resolve(cwd, text);
  const folder = userFolder();
  if (folder === undefined)
    throw new ConfigError('HOLDFAST_HOME begins with ~, and this user has no home folder.', 'HOLDFAST_HOME=/var/lib/holdfast');
  return resolve(cwd, folder + text.slice(tilde.length));
}

function readingOf(input: Pick<ConfigInput, 'cwd' | 'readFile'>): Reading {
  return { cwd: input.cwd, readFile: input.readFile ?? ((path) => readFileSync(path)) };
}

function dotenvOf(reading: Reading): { layer: Layer; problems: SettingProblem[]; warnings: SettingProblem[] } {
  const layer = (values: Layer['values']): Layer => ({ source: '.env', label: '.env', values });
  try {
    const read = readDotenv(reading.readFile(join(reading.cwd, '.env')), knownNames());
    return { layer: layer(read.values), problems: read.problems, warnings: read.warnings };
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return { layer: layer({}), problems: [], warnings: [] };
    return {
      layer: layer({}),
      problems: [{ problem: `.env cannot be read (${code})`, fix: 'make .env a file you can read: chmod 600 .env' }],
      warnings: [],
    };
  }
}

function flagLayer(flags: NonNullable<ConfigInput['flags']>): Layer {
  const values: Record<string, string> = {};
  for (const key of SETTING_KEYS) {
    const entry = settingOf(key);
    const value = entry.flag === undefined ? undefined : flags[entry.flag];
    if (value !== undefined) values[entry.names[0]] = value;
  }
  return { source: 'flag', label: 'the command line', values };
}

/** `settings` by environment names, and `models`, which is HOLDFAST_MODELS. */
function fileLayer(file: { name: string; definition: Record<string, unknown> } | undefined) {
  const values: Record<string, string> = {};
  const problems: SettingProblem[] = [];
  if (!file) return { values, problems };
  const refuse = (problem: string, fix: string) => problems.push({ problem, fix });
  const known = new Map(SETTING_KEYS.flatMap((key) => settingOf(key).names.map((name): [string, Setting] => [name, settingOf(key)])));
  const { settings = {}, models } = file.definition;
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) {
    refuse(`settings in ${file.name} must be an object of names and values`, `correct settings in ${file.name}`);
    return { values, problems };
  }
  for (const [name, value] of Object.entries(settings)) {
    const entry = known.get(name);
    if (!entry) {
      const near = nearNames(name, known.keys());
      const guess = near.length > 0 ? ` Did you mean ${near.join(' or ')}?` : '';
      refuse(`${name} in ${file.name} is not a setting.${guess}`, `correct or remove ${name} in ${file.name}`);
    } else if (entry.secret || entry.inConfigFile === false) {
      refuse(
        `${name} may not be set in ${file.name}${entry.secret ? ': secrets do not belong in source files' : ''}`,
        `move ${name} to .env`,
      );
    } else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') values[name] = String(value);
    else if (value !== undefined) refuse(`${name} in ${file.name} must be text, a number or a boolean`, `correct ${name} in ${file.name}`);
  }
  if (models === undefined) return { values, problems };
  const names = modelNames(models);
  if (!names) {
    refuse(`models in ${file.name} must be a list of provider/model`, `write models: ['gemini/gemini-flash-latest'] in ${file.name}`);
  } else if (values.HOLDFAST_MODELS !== undefined && Array.isArray(models)) {
    refuse(
      `${file.name} names models twice: as models and as settings.HOLDFAST_MODELS`,
      `remove HOLDFAST_MODELS from settings in ${file.name}`,
    );
  } else if (names.length > 0) values.HOLDFAST_MODELS ??= names.join(',');
  return { values, problems };
}

function configError(problems: readonly SettingProblem[]): ConfigError {
  const [first] = problems;
  if (problems.length === 1 && first) return new ConfigError(`${first.problem.replace(/([^.?!])$/, '$1.')}`, first.fix);
  const lines = problems.map(({ problem, fix }) => `  - ${problem.replace(/([^.?!])$/, '$1.')} Fix: ${fix}`);
  return new ConfigError(
    `${problems.length} things are wrong with the settings:\n${lines.join('\n')}`,
    'correct them all, then: holdfast config validate',
  );
}

function build(resolved: Resolved, home: string, models: string[]): Config {
  const { values, given } = resolved;
  const optional = <K extends SettingKey>(key: K, name: string = key) => (values[key] === undefined ? {} : { [name]: values[key] });
  return {
    env: need(values, 'env'),
    home,
    host: need(values, 'host'),
    port: need(values, 'port'),
    dashboardPort: need(values, 'dashboardPort'),
    dashboardPortIsDefault: !given.has('dashboardPort'),
    ...optional('publicUrl'),
    allowedHosts: values.allowedHosts ?? [],
    trustProxy: need(values, 'trustProxy'),
    ...optional('masterKey'),
    ...optional('adminKey'),
    gemini: { ...optional('geminiKey', 'apiKey'), baseUrl: need(values, 'geminiBaseUrl') },
    others: accessOf(values),
    models,
    deadlineMs: need(values, 'deadlineMs'),
    streamDeadlineMs: need(values, 'streamDeadlineMs'),
    firstByteMs: need(values, 'firstByteMs'),
    idleMs: need(values, 'idleMs'),
    drainMs: need(values, 'drainMs'),
    turnExpiryMs: need(values, 'turnExpiryMs'),
    historyMessages: need(values, 'historyMessages'),
    stepsMax: need(values, 'stepsMax'),
    modelConcurrency: need(values, 'modelConcurrency'),
    alerts: {
      ...optional('alertWebhook', 'webhook'),
      errorPercent: need(values, 'alertErrorPercent'),
      errorTurns: need(values, 'alertErrorTurns'),
      windowMs: need(values, 'alertWindowMs'),
      modelDownMs: need(values, 'alertModelDownMs'),
      diskFreeMb: need(values, 'alertDiskFreeMb'),
      noProgressMs: need(values, 'alertNoProgressMs'),
      auditMs: need(values, 'alertAuditMs'),
      clearMs: need(values, 'alertClearMs'),
      checkMs: need(values, 'alertCheckMs'),
    },
    ...optional('databaseUrl'),
    logLevel: need(values, 'logLevel'),
  };
}

/** For settings that have a default. */
function need<K extends SettingKey>(values: SettingValues, key: K): NonNullable<SettingValues[K]> {
  const value = values[key];
  if (value === undefined || value === null) throw new TypeError(`setting ${key} has no value and no default`);
  return value;
}
