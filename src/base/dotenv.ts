// Reads `.env` text. Node's own parser does the work; what it lets pass in silence is said here.
import { parseEnv } from 'node:util';
import { nearNames } from './near-name.ts';

/** An empty value counts as not set, so it must not win over another line. */
const EMPTY_LINE = /^[ \t]*(?:export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*[ \t]*=[ \t]*$/gm;

export interface Dotenv {
  values: Record<string, string>;
  problems: { problem: string; fix: string }[];
  /** What is passed over and may have been meant. */
  warnings: { problem: string; fix: string }[];
}

const BYTES_MAX = 1_048_576;

/** Names nobody knows are ignored (other tools share the file) unless they look like a slip of the hand. Values are never quoted. */
export function readDotenv(bytes: Buffer, known: ReadonlySet<string>): Dotenv {
  if (bytes.length > BYTES_MAX) return refused('.env is larger than 1 MiB', 'check that .env is the file you mean');
  if (bytes.includes(0)) return refused('.env is not UTF-8 text (it may be UTF-16)', 'save .env as UTF-8');
  const text = bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .replaceAll('\r\n', '\n')
    .replaceAll('\r', '\n');
  const values: Record<string, string> = {};
  const problems: Dotenv['problems'] = [];
  for (const [name, value] of Object.entries(parseEnv(text.replaceAll(EMPTY_LINE, '')))) {
    if (value === undefined) continue;
    if (known.has(name)) {
      values[name] = value;
      continue;
    }
    const near = nearNames(name, known);
    if (near.length > 0)
      problems.push({
        problem: `${name} in .env is not a setting. Did you mean ${near.join(' or ')}?`,
        fix: `correct or remove ${name} in .env`,
      });
  }
  for (const { name, lines } of repeated(text, known)) {
    problems.push({
      problem: `${name} is set more than once in .env (lines ${lines.join(', ')})`,
      fix: `keep one of the lines of ${name}`,
    });
  }
  const junk = junkLines(text, known);
  return { values, problems: [...problems, ...junk.problems], warnings: junk.warnings };
}

const refused = (problem: string, fix: string): Dotenv => ({ values: {}, problems: [{ problem, fix }], warnings: [] });

/** A value in quotes may go over several lines, which are no lines of the file's own. */
const QUOTED_VALUE = /^[ \t]*(?:export[ \t]+)?[\w.-]+[ \t]*=[ \t]*(["'`])[\s\S]*?\1.*$/gm;
const SETTING_LINE = /^\s*(?:export\s+)?[\w.-]+\s*=/;
/** How a shell, a PowerShell, YAML or a slip of the hand writes one; the name is the first group. */
const NAME_AT_START = /^\s*(?:(?:export|set|setx|ENV|-)\s+|\$env:)?["']?([A-Za-z_][\w-]*)/i;

/** Lines that set nothing: those that begin with a name of ours (or nearly) were meant to. */
function junkLines(text: string, known: ReadonlySet<string>): Pick<Dotenv, 'problems' | 'warnings'> {
  const found: Pick<Dotenv, 'problems' | 'warnings'> = { problems: [], warnings: [] };
  const lines = text.replace(QUOTED_VALUE, (whole) => `QUOTED=${'\n'.repeat(whole.split('\n').length - 1)}`).split('\n');
  for (const [index, line] of lines.entries()) {
    if (/^\s*(#|$)/.test(line) || SETTING_LINE.test(line)) continue;
    const word = NAME_AT_START.exec(line)?.[1] ?? '';
    const name = known.has(word) ? word : nearNames(word, known)[0];
    if (name === undefined)
      found.warnings.push({
        problem: `line ${index + 1} of .env sets nothing and is ignored`,
        fix: 'write it as NAME=value, or begin it with #',
      });
    else
      found.problems.push({
        problem: `line ${index + 1} of .env sets nothing: ${name} must be written as ${name}=value`,
        fix: `write line ${index + 1} of .env as ${name}=value`,
      });
  }
  return found;
}

function repeated(text: string, known: ReadonlySet<string>): { name: string; lines: number[] }[] {
  const seen = new Map<string, number[]>();
  for (const [index, line] of text.split('\n').entries()) {
    const name = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(?!\s*$)/.exec(line)?.[1];
    if (name === undefined || !known.has(name)) continue;
    seen.set(name, [...(seen.get(name) ?? []), index + 1]);
  }
  return [...seen].filter(([, lines]) => lines.length > 1).map(([name, lines]) => ({ name, lines }));
}
