// What can be asked of `npm run load`, and how a slip is told.
import { parseArgs } from 'node:util';
import { nearNames } from '../src/base/near-name.ts';

export const SCENARIOS = ['json', 'stream', 'mixed', 'ramp'] as const;
export type Scenario = (typeof SCENARIOS)[number];

export interface Limits {
  maxP99Ms?: number;
  maxFirstTokenMs?: number;
  maxErrors?: number;
  maxDegraded?: number;
  minThroughput?: number;
}

export interface Options {
  scenario: Scenario;
  durationS: number;
  connections: number;
  /** Messages a second, due at fixed times. Absent: every connection sends as soon as it has its answer. */
  rate?: number;
  /** How long one answer is waited for. */
  timeoutS: number;
  message: string;
  /** Absent: an agent of our own is started. */
  url?: string;
  apiKey?: string;
  model: 'demo' | 'fake';
  modelLatencyMs: number;
  /** A real model may be asked, and paid for. */
  yes: boolean;
  /** Leave the sessions of this run in the agent. */
  keep: boolean;
  json: boolean;
  /** Where the HTML report goes; false for none. */
  report: string | false;
  limits: Limits;
}

export class LoadError extends Error {
  readonly exit: number;
  readonly fix: string;
  constructor(message: string, fix: string, exit = 2) {
    super(message);
    this.exit = exit;
    this.fix = fix;
  }
}

export const HELP = `npm run load -- [options]     a load test of a running agent, or of one it starts

  HOLDFAST_URL, HOLDFAST_API_KEY   the agent to test; without them one is started for the run and removed afterwards

  --scenario json|stream|mixed|ramp   JSON answers, streams, half of each, or JSON with 1, 2, 4 … connections   [json]
  --duration 30s                      how long                                                                [10s]
  --connections 16                    how many at once; each has a session of its own                          [16]
  --rate 50                           messages a second, sent when due: shows what waiting for answers hides
  --message "Hello!"                  what is sent; the number of the message is put after it
  --timeout 30s                       an answer later than this is an error                                   [30s]
  --model demo|fake                   of the agent it starts; fake speaks the Gemini API over a socket        [demo]
  --model-latency 200ms               what the fake model waits before it answers                             [0ms]
  --yes                               go on although the agent asks a real model, which may cost money
  --keep                              leave the sessions of the run in the agent instead of erasing them
  --report <file> | --no-report       where the HTML report goes                         [load/results/load-….html]
  --json                              the result as one JSON document on stdout

  Exit 1 when one of these does not hold, or when an accepted message was lost, doubled or answered differently:
  --max-p99 500ms   --max-first-token 500ms (p99)   --max-errors 0   --max-degraded 0   --min-throughput 100
`;

const SPEC = {
  scenario: { type: 'string', default: 'json' },
  duration: { type: 'string', default: '10s' },
  connections: { type: 'string', default: '16' },
  rate: { type: 'string' },
  message: { type: 'string', default: 'Load test, message' },
  timeout: { type: 'string', default: '30s' },
  model: { type: 'string', default: 'demo' },
  'model-latency': { type: 'string', default: '0ms' },
  yes: { type: 'boolean', default: false },
  keep: { type: 'boolean', default: false },
  report: { type: 'string' },
  'no-report': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  'max-p99': { type: 'string' },
  'max-first-token': { type: 'string' },
  'max-errors': { type: 'string' },
  'max-degraded': { type: 'string' },
  'min-throughput': { type: 'string' },
} as const;

const CONNECTIONS_MAX = 1_000;
const DURATION_S_MAX = 3_600;

type Values = ReturnType<typeof parse>;

/** Undefined: help was asked for. Throws LoadError. */
export function readOptions(argv: readonly string[], env: Record<string, string | undefined>): Options | undefined {
  const values = parse(argv);
  if (values.help) return undefined;
  const { HOLDFAST_URL: url, HOLDFAST_API_KEY: apiKey } = env;
  if (url && !/^https?:\/\//.test(url))
    throw new LoadError('HOLDFAST_URL is not an http address.', 'export HOLDFAST_URL=http://127.0.0.1:8000');
  if (url && !apiKey) throw new LoadError('HOLDFAST_URL is given without a key.', 'export HOLDFAST_API_KEY=<a key of that agent>');
  const rate = values.rate === undefined ? undefined : number(values.rate, '--rate', 0.1, 100_000);
  if (rate !== undefined && values.scenario === 'ramp')
    throw new LoadError('--rate and --scenario ramp exclude each other.', 'npm run load -- --scenario json --rate 50');
  return {
    scenario: oneOf(values.scenario, SCENARIOS, '--scenario'),
    durationS: milliseconds(values.duration, '--duration', DURATION_S_MAX) / 1000,
    connections: Math.round(number(values.connections, '--connections', 1, CONNECTIONS_MAX)),
    ...(rate === undefined ? {} : { rate }),
    timeoutS: milliseconds(values.timeout, '--timeout', DURATION_S_MAX) / 1000,
    message: values.message,
    ...(url && apiKey ? { url: url.replace(/\/+$/, ''), apiKey } : {}),
    model: oneOf(values.model, ['demo', 'fake'] as const, '--model'),
    modelLatencyMs: milliseconds(values['model-latency'], '--model-latency', 60, 0),
    yes: values.yes,
    keep: values.keep,
    json: values.json,
    report: values['no-report'] ? false : (values.report ?? defaultReport()),
    limits: limitsOf(values),
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: SPEC, strict: true, allowPositionals: false }).values;
  } catch (error) {
    const said = error instanceof Error ? (error.message.split('.')[0] ?? '') : '';
    const [near] = nearNames(
      /'(--[^' ]+)/.exec(said)?.[1] ?? '',
      Object.keys(SPEC).map((name) => `--${name}`),
    );
    throw new LoadError(`${said}.${near ? ` Did you mean ${near}?` : ''}`, 'npm run load -- --help');
  }
}

function limitsOf(values: Values): Limits {
  const ms = (text: string | undefined, name: string) => (text === undefined ? undefined : milliseconds(text, name, DURATION_S_MAX));
  const count = (text: string | undefined, name: string) =>
    text === undefined ? undefined : number(text, name, 0, Number.MAX_SAFE_INTEGER);
  const all = {
    maxP99Ms: ms(values['max-p99'], '--max-p99'),
    maxFirstTokenMs: ms(values['max-first-token'], '--max-first-token'),
    maxErrors: count(values['max-errors'], '--max-errors'),
    maxDegraded: count(values['max-degraded'], '--max-degraded'),
    minThroughput: count(values['min-throughput'], '--min-throughput'),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** `500`, `500ms`, `30s`, `2m`. A bare number is milliseconds for limits and seconds for how long things last, as people write them. */
function milliseconds(text: string, name: string, secondsMax: number, min = 1): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  const bare = name === '--duration' || name === '--timeout' ? 's' : 'ms';
  const ms = Number(match?.[1]) * { ms: 1, s: 1_000, m: 60_000 }[(match?.[2] ?? bare) as 'ms' | 's' | 'm'];
  if (!match || ms < min || ms > secondsMax * 1_000)
    throw new LoadError(
      `${name} must be a time up to ${secondsMax} s, such as 500ms or 30s.`,
      `npm run load -- ${name} ${bare === 's' ? '30s' : '500ms'}`,
    );
  return ms;
}

function number(text: string, name: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= min && value <= max))
    throw new LoadError(`${name} must be a number from ${min} to ${max}.`, `npm run load -- ${name} ${Math.min(max, Math.max(min, 16))}`);
  return value;
}

function oneOf<T extends string>(text: string, known: readonly T[], name: string): T {
  const found = known.find((each) => each === text);
  if (found === undefined) throw new LoadError(`${name} is one of ${known.join(', ')}.`, `npm run load -- ${name} ${known[0]}`);
  return found;
}

const defaultReport = () => `load/results/load-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.html`;
