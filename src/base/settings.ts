import {
  adminKey,
  folder,
  hostList,
  hostName,
  integer,
  keyText,
  masterKey,
  modelList,
  ollamaAddress,
  oneOf,
  type Parse,
  postgresAddress,
  webAddress,
  webhookAddress,
  yesNo,
} from './setting-parsers.ts';

export type SettingGroup = 'agent' | 'models' | 'network' | 'keys' | 'limits' | 'alerts' | 'storage' | 'command line';

/** One setting. The first name is the one we print; the others are what providers' own tools read. A secret may also be given as `NAME_FILE`. */
export interface Setting<T = unknown> {
  names: readonly [string, ...string[]];
  group: SettingGroup;
  /** One or two sentences for people; goes into `.env.example`. */
  description: string;
  parse: Parse<T>;
  /** As text, the way a person would write it. Absent: not set. */
  default?: string;
  unit?: 'ms';
  secret?: true;
  /** The command line's `--flag`. */
  flag?: 'host' | 'port' | 'dashboardPort';
  /** False for what the command line must know without running the project's code. Secrets are never taken from a source file either. */
  inConfigFile?: false;
}

const setting = <T>(entry: Setting<T>): Setting<T> => entry;

const DAY_MS = 86_400_000;
const duration = (
  name: string,
  byDefault: number,
  description: string,
  { min = 1, group = 'limits' }: { min?: number; group?: SettingGroup } = {},
): Setting<number> =>
  setting({
    names: [name],
    group,
    description,
    parse: integer(min, DAY_MS, 'milliseconds'),
    default: String(byDefault),
    unit: 'ms',
  });

/** Every setting there is. `.env.example`, `config show`, "did you mean" and the refusal of unknown names all come from this table. */
export const SETTINGS = {
  env: setting({
    names: ['AGENT_ENV'],
    group: 'agent',
    description: 'development or production. Production demands HOLDFAST_MASTER_KEY and a real model, and logs to stdout as well.',
    parse: oneOf('development', 'production'),
    default: 'development',
  }),
  logLevel: setting({
    names: ['LOG_LEVEL'],
    group: 'agent',
    description: 'debug, info, warn or error. No conversation text is ever logged.',
    parse: oneOf('debug', 'info', 'warn', 'error'),
    default: 'info',
  }),
  geminiKey: setting({
    names: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
    group: 'models',
    description: 'Google Gemini. Without any key, in development, the labelled demo model answers with canned replies.',
    parse: keyText,
    secret: true,
  }),
  geminiBaseUrl: setting({
    names: ['GOOGLE_GEMINI_BASE_URL'],
    group: 'models',
    description: 'Another endpoint that speaks the Gemini REST API.',
    parse: webAddress,
    default: 'https://generativelanguage.googleapis.com',
  }),
  openaiKey: setting({
    names: ['OPENAI_API_KEY'],
    group: 'models',
    description: 'OpenAI, for models named openai/….',
    parse: keyText,
    secret: true,
  }),
  openaiBaseUrl: setting({
    names: ['OPENAI_BASE_URL'],
    group: 'models',
    description: 'Another endpoint for openai/…; at an address that is not OpenAI’s own the key may be left out.',
    parse: webAddress,
    default: 'https://api.openai.com/v1',
  }),
  openaiApi: setting({
    names: ['HOLDFAST_OPENAI_API'],
    group: 'models',
    description: 'responses or chat: the API spoken with openai/…. Not set: responses at OpenAI’s own address, chat elsewhere.',
    parse: oneOf('responses', 'chat'),
  }),
  anthropicKey: setting({
    names: ['ANTHROPIC_API_KEY'],
    group: 'models',
    description: 'Anthropic, for models named anthropic/….',
    parse: keyText,
    secret: true,
  }),
  anthropicBaseUrl: setting({
    names: ['ANTHROPIC_BASE_URL'],
    group: 'models',
    description: 'Another endpoint that speaks the Anthropic Messages API, without /v1.',
    parse: webAddress,
    default: 'https://api.anthropic.com',
  }),
  compatibleBaseUrl: setting({
    names: ['OPENAI_COMPATIBLE_BASE_URL'],
    group: 'models',
    description: 'Any server that speaks OpenAI’s Chat Completions, for models named compatible/…; up to and with /v1.',
    parse: webAddress,
  }),
  compatibleKey: setting({
    names: ['OPENAI_COMPATIBLE_API_KEY'],
    group: 'models',
    description: 'Its key, if it wants one.',
    parse: keyText,
    secret: true,
  }),
  ollamaHost: setting({
    names: ['OLLAMA_HOST'],
    group: 'models',
    description: 'Ollama, for models named ollama/…: host, host:port or an address.',
    parse: ollamaAddress,
    default: 'http://127.0.0.1:11434',
  }),
  ollamaKey: setting({
    names: ['OLLAMA_API_KEY'],
    group: 'models',
    description: 'Only for Ollama’s cloud or a proxy that asks for a key.',
    parse: keyText,
    secret: true,
  }),
  models: setting({
    names: ['HOLDFAST_MODELS'],
    group: 'models',
    description:
      'Fallback order, separated by commas: provider/model with gemini, openai, anthropic, compatible or ollama; demo is a model too. Not set: the usual model of the first key there is.',
    parse: modelList,
  }),
  host: setting({
    names: ['HOST'],
    group: 'network',
    description: 'Address to listen on. Anything but loopback needs HOLDFAST_ADMIN_KEY.',
    parse: hostName,
    default: '127.0.0.1',
    flag: 'host',
  }),
  port: setting({
    names: ['PORT'],
    group: 'network',
    description: 'Port of the API.',
    parse: integer(0, 65_535),
    default: '8000',
    flag: 'port',
  }),
  dashboardPort: setting({
    names: ['DASHBOARD_PORT'],
    group: 'network',
    description: 'Port of the dashboard; 0 leaves only /ui/ on the API port.',
    parse: integer(0, 65_535),
    default: '3000',
    flag: 'dashboardPort',
  }),
  publicUrl: setting({
    names: ['HOLDFAST_PUBLIC_URL'],
    group: 'network',
    description: 'The address people use when a proxy stands in front.',
    parse: webAddress,
  }),
  allowedHosts: setting({
    names: ['HOLDFAST_ALLOWED_HOSTS'],
    group: 'network',
    description: 'More host names this server answers to, separated by commas.',
    parse: hostList,
  }),
  trustProxy: setting({
    names: ['HOLDFAST_TRUST_PROXY'],
    group: 'network',
    description: 'true when a proxy in front sets X-Forwarded-For and X-Forwarded-Proto, and nobody can go around it.',
    parse: yesNo,
    default: 'false',
  }),
  masterKey: setting({
    names: ['HOLDFAST_MASTER_KEY'],
    group: 'keys',
    description:
      '32 bytes, base64. Without it, in development, the first start makes a key file in HOLDFAST_HOME. Back it up apart from the data.',
    parse: masterKey,
    secret: true,
  }),
  adminKey: setting({
    names: ['HOLDFAST_ADMIN_KEY'],
    group: 'keys',
    description: 'A first admin API key for containers and automation, at least 32 random characters.',
    parse: adminKey,
    secret: true,
  }),
  deadlineMs: duration('HOLDFAST_DEADLINE_MS', 60_000, 'A turn answered as JSON ends by then, with the fallback if need be.', { min: 250 }),
  streamDeadlineMs: duration('HOLDFAST_STREAM_DEADLINE_MS', 120_000, 'The same for a streamed turn.', { min: 250 }),
  firstByteMs: duration('HOLDFAST_FIRST_BYTE_MS', 25_000, 'Longest wait for the first byte of one model.'),
  idleMs: duration('HOLDFAST_IDLE_MS', 20_000, 'Longest silence of a model in the middle of its answer.'),
  drainMs: duration('HOLDFAST_DRAIN_MS', 20_000, 'How long a stop waits for open turns; the rest is resumed at the next start.', {
    min: 0,
  }),
  turnExpiryMs: duration('HOLDFAST_TURN_EXPIRY_MS', 600_000, 'An open turn older than this is not resumed but fails as expired.'),
  historyMessages: setting({
    names: ['HOLDFAST_HISTORY_MESSAGES'],
    group: 'limits',
    description: 'Most messages of a session a model sees.',
    parse: integer(1, 1000),
    default: '40',
  }),
  stepsMax: setting({
    names: ['HOLDFAST_STEPS_MAX'],
    group: 'limits',
    description: 'Most model calls in one turn.',
    parse: integer(1, 64),
    default: '8',
  }),
  modelConcurrency: setting({
    names: ['HOLDFAST_MODEL_CONCURRENCY'],
    group: 'limits',
    description: 'Model calls under way at once, per provider; twice as many may wait.',
    parse: integer(1, 4096),
    default: '64',
  }),
  alertWebhook: setting({
    names: ['ALERT_WEBHOOK_URL'],
    group: 'alerts',
    description: 'Alerts are also sent there, as JSON a Slack-compatible webhook takes. Redirects are not followed.',
    parse: webhookAddress,
    secret: true,
  }),
  alertErrorPercent: setting({
    names: ['HOLDFAST_ALERT_ERROR_PERCENT'],
    group: 'alerts',
    description: 'Alert when this share of the turns that ended lately was degraded or failed.',
    parse: integer(1, 100, 'percent'),
    default: '50',
  }),
  alertErrorTurns: setting({
    names: ['HOLDFAST_ALERT_ERROR_TURNS'],
    group: 'alerts',
    description: 'Of fewer turns than this no share is taken.',
    parse: integer(1, 100_000),
    default: '10',
  }),
  alertWindowMs: duration('HOLDFAST_ALERT_WINDOW_MS', 300_000, 'Which turns count as ended lately.', { min: 1_000, group: 'alerts' }),
  alertModelDownMs: duration('HOLDFAST_ALERT_MODEL_DOWN_MS', 30_000, 'Alert when a model keeps failing for this long.', {
    min: 0,
    group: 'alerts',
  }),
  alertDiskFreeMb: setting({
    names: ['HOLDFAST_ALERT_DISK_FREE_MB'],
    group: 'alerts',
    description: 'Alert when the disk of HOLDFAST_HOME has less room than this many MiB; 0 for never.',
    parse: integer(0, 1_000_000_000),
    default: '512',
  }),
  alertNoProgressMs: duration('HOLDFAST_ALERT_NO_PROGRESS_MS', 300_000, 'Alert when an open turn does not end for this long.', {
    group: 'alerts',
  }),
  alertAuditMs: duration(
    'HOLDFAST_ALERT_AUDIT_MS',
    3_600_000,
    'How often the whole audit chain is verified in the background; 0 for never.',
    {
      min: 0,
      group: 'alerts',
    },
  ),
  alertClearMs: duration('HOLDFAST_ALERT_CLEAR_MS', 30_000, 'What was wrong must be well for this long before an alert is over.', {
    min: 0,
    group: 'alerts',
  }),
  alertCheckMs: duration('HOLDFAST_ALERT_CHECK_MS', 5_000, 'How often the rules are looked at.', { min: 50, group: 'alerts' }),
  home: setting({
    names: ['HOLDFAST_HOME'],
    group: 'storage',
    description: 'Folder of everything that is kept: database, logs, keys. One agent per folder.',
    parse: folder,
    default: './.holdfast',
    inConfigFile: false,
  }),
  databaseUrl: setting({
    names: ['DATABASE_URL'],
    group: 'storage',
    description: 'postgres://… keeps state on PostgreSQL. Not in this version yet: leave it empty for SQLite in HOLDFAST_HOME.',
    parse: postgresAddress,
    secret: true,
  }),
  clientUrl: setting({
    names: ['HOLDFAST_URL'],
    group: 'command line',
    description: 'The agent the command line talks to, when it is not the one of this folder.',
    parse: webAddress,
    inConfigFile: false,
  }),
  clientKey: setting({
    names: ['HOLDFAST_API_KEY'],
    group: 'command line',
    description: 'The API key the command line uses there.',
    parse: keyText,
    secret: true,
  }),
} as const;

export type SettingKey = keyof typeof SETTINGS;
type ValueOf<S> = S extends Setting<infer T> ? T : never;
/** Parsed values; undefined where a setting is neither given nor has a default. */
export type SettingValues = { [K in SettingKey]: ValueOf<(typeof SETTINGS)[K]> | undefined };

export const SETTING_KEYS = Object.keys(SETTINGS) as SettingKey[];
export const settingOf = (key: SettingKey): Setting => SETTINGS[key];

/** Names a setting answers to, `NAME_FILE` of a secret included. */
export function namesOf(entry: Setting): string[] {
  return entry.names.flatMap((name) => (entry.secret ? [name, `${name}_FILE`] : [name]));
}

export const knownNames = (): Set<string> => new Set(SETTING_KEYS.flatMap((key) => namesOf(settingOf(key))));
