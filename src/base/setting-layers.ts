// Where settings come from, strongest first, and which one wins.
import { resolve } from 'node:path';
import { nearNames } from './near-name.ts';
import { knownNames, namesOf, SETTING_KEYS, type Setting, type SettingKey, type SettingValues, settingOf } from './settings.ts';

export type SourceName = 'flag' | 'environment' | '.env' | 'config file' | 'default';

/** Texts of one source by setting name. */
export interface Layer {
  source: SourceName;
  /** What people know it by: `.env`, `holdfast.config.ts`, … */
  label: string;
  values: Readonly<Record<string, string | undefined>>;
}

/** What won for one setting; safe to print: a secret's value is `[secret]`. */
export interface SettingSource {
  name: string;
  value: string | null;
  source: SourceName | 'unset';
  /** The name that was used, when it is another than `name`, or why the value is what it is. */
  note?: string;
}

/** Something wrong with the settings: never quotes a value. */
export interface SettingProblem {
  problem: string;
  fix: string;
}

export interface Resolved {
  values: SettingValues;
  sources: SettingSource[];
  problems: SettingProblem[];
  /** Settings given by somebody, not by default. */
  given: Set<SettingKey>;
  /** Files that `NAME_FILE` secrets were read from. */
  secretFiles: Map<SettingKey, string>;
}

export interface Reading {
  cwd: string;
  /** Throws as `fs.readFileSync` does. */
  readFile: (path: string) => Buffer;
}

const SECRET_FILE_BYTES_MAX = 65_536;

/** Layers are strongest first. Every problem is collected; nothing throws. An empty value counts as not set. */
export function resolveSettings(layers: readonly Layer[], reading: Reading, keys: readonly SettingKey[] = SETTING_KEYS): Resolved {
  const values: Record<string, unknown> = {};
  const resolved: Resolved = { values: values as SettingValues, sources: [], problems: [], given: new Set(), secretFiles: new Map() };
  for (const key of keys) {
    const entry = settingOf(key);
    const found = findText(entry, layers, reading);
    resolved.problems.push(...found.problems);
    if (found.text === undefined) {
      resolved.sources.push({ name: entry.names[0], value: null, source: 'unset' });
      continue;
    }
    if (found.source !== 'default') resolved.given.add(key);
    if (found.file !== undefined) resolved.secretFiles.set(key, found.file);
    const parsed = entry.parse(found.text);
    if (parsed.ok) values[key] = parsed.value;
    else {
      const place = found.source === 'default' ? 'default' : `from ${found.label}`;
      resolved.problems.push({ problem: `${found.used} (${place}) ${parsed.problem}`, fix: parsed.fix ?? `correct ${found.used}` });
    }
    const note = found.used === entry.names[0] ? {} : { note: `from ${found.used}` };
    resolved.sources.push({ name: entry.names[0], value: entry.secret ? '[secret]' : found.text, source: found.source, ...note });
  }
  return resolved;
}

interface Found {
  text?: string;
  used: string;
  source: SourceName;
  label: string;
  file?: string;
  problems: SettingProblem[];
}

function findText(entry: Setting, layers: readonly Layer[], reading: Reading): Found {
  for (const { source, label, values } of layers) {
    const filled = namesOf(entry).filter((name) => (values[name] ?? '').trim() !== '');
    const used = filled[0];
    if (used === undefined) continue;
    const text = (values[used] ?? '').trim();
    const found: Found = { used, source, label, problems: [] };
    const twice = entry.names.find((name) => filled.includes(name) && filled.includes(`${name}_FILE`));
    if (twice !== undefined) {
      const problem = `${twice} and ${twice}_FILE are both set (${label})`;
      return { ...found, problems: [{ problem, fix: `keep one of ${twice} and ${twice}_FILE` }] };
    }
    if (!used.endsWith('_FILE')) return { ...found, text };
    return { ...found, ...readSecretFile(used, text, reading) };
  }
  return {
    used: entry.names[0],
    source: 'default',
    label: 'default',
    problems: [],
    ...(entry.default === undefined ? {} : { text: entry.default }),
  };
}

/** The path is not quoted: the secret itself may have been put there by mistake. */
function readSecretFile(used: string, path: string, reading: Reading): Pick<Found, 'text' | 'file' | 'problems'> {
  const refuse = (why: string) => ({
    problems: [{ problem: `${used}: the file ${why}`, fix: `let ${used} name a readable file that holds nothing but the secret` }],
  });
  if (path.includes('\0')) return refuse('cannot be read');
  const file = resolve(reading.cwd, path);
  let bytes: Buffer;
  try {
    bytes = reading.readFile(file);
  } catch (error) {
    return refuse(`cannot be read (${errorCode(error)})`);
  }
  if (bytes.length > SECRET_FILE_BYTES_MAX) return refuse('is larger than 64 KiB');
  const text = bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trim();
  return text === '' ? refuse('is empty') : { text, file, problems: [] };
}

export const errorCode = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unreadable';
};

/** Kubernetes sets these for a service named `holdfast` or `holdfast-…`; they are no settings of ours. */
function isServiceLink(name: string, value: string): boolean {
  if (/^HOLDFAST_(SERVICE_|PORT(_|$))/.test(name)) return true;
  return /^HOLDFAST_.*_(SERVICE_(HOST|PORT)(_|$)|PORT_\d+_(TCP|UDP|SCTP))/.test(name) || /^(tcp|udp|sctp):\/\//.test(value);
}

/** `HOLDFAST_…` names in the environment that are no settings. */
export function unknownNames(env: Readonly<Record<string, string | undefined>>): SettingProblem[] {
  const known = knownNames();
  const problems: SettingProblem[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('HOLDFAST_') || value === undefined || known.has(name) || isServiceLink(name, value)) continue;
    const near = nearNames(name, known);
    const guess = near.length > 0 ? ` Did you mean ${near.join(' or ')}?` : '';
    problems.push({ problem: `${name} in the environment is not a setting.${guess}`, fix: `unset ${name}` });
  }
  return problems;
}
