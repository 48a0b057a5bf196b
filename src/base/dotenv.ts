// Reads `.env` text. Node's own parser does the work; what it lets pass in silence is said here.
import { parseEnv } from 'node:util';
import { nearNames } from './near-name.ts';

/** An empty value counts as not set, so it must not win over another line. */
const EMPTY_LINE = /^[ \t]*(?:export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*[ \t]*=[ \t]*$/gm;

export interface Dotenv {
  values: Record<string, string>;
  problems: { problem: string; fix: string }[];
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
  return { values, problems };
}

const refused = (problem: string, fix: string): Dotenv => ({ values: {}, problems: [{ problem, fix }] });

function repeated(text: string, known: ReadonlySet<string>): { name: string; lines: number[] }[] {
  const seen = new Map<string, number[]>();
  for (const [index, line] of text.split('\n').entries()) {
    const name = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(?!\s*$)/.exec(line)?.[1];
    if (name === undefined || !known.has(name)) continue;
    seen.set(name, [...(seen.get(name) ?? []), index + 1]);
  }
  return [...seen].filter(([, lines]) => lines.length > 1).map(([name, lines]) => ({ name, lines }));
}
