import { basename } from 'node:path';
import type { Finding, Module, Source, Verdict } from './source.ts';

const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*((\.test|\.config|\.bench)?\.(ts|tsx|js))$/;
const FORBIDDEN_NAMES = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'misc', 'manager', 'service', 'services', 'shared']);

export function fileNames(paths: string[]): Verdict {
  const findings: Finding[] = [];
  for (const path of paths) {
    const report = (message: string) => findings.push({ path, line: 1, message });
    if (!KEBAB.test(basename(path))) report('file names are kebab-case');
    const words = path.replace(/\.[a-z.]+$/, '').split(/[/-]/);
    for (const word of words) if (FORBIDDEN_NAMES.has(word)) report(`"${word}" says nothing about what is in it`);
    if (path.startsWith('src/') && path.split('/').length > 4) report('folders under src/ are at most two deep');
  }
  return { seen: paths.length, findings };
}

export function exportedNames(modules: Module[]): Verdict {
  const findings: Finding[] = [];
  let seen = 0;
  for (const module of modules) {
    for (const match of module.text.matchAll(/^export (?:abstract |async )?(?:class|function|const|interface|type) (\w+)/gm)) {
      seen += 1;
      if (/(Manager|Service|Helper|Utils?)$/.test(match[1] ?? ''))
        findings.push({ path: module.path, line: module.lineOf(match.index), message: `"${match[1]}" says nothing about what it is` });
    }
  }
  return { seen, findings };
}

// Written in pieces so that this file does not find itself.
const TRACES: [RegExp, string][] = [
  [new RegExp(`(^|[\\s"'\`(=:])/(${['home', 'root', 'Users', 'work'].join('|')})/[\\w.-]{2,}`, 'm'), 'a path of one machine'],
  [new RegExp(`[A-Z]:\\\\${'Users'}\\\\`), 'a path of one machine'],
  [new RegExp(`${'regis'}try\\.(npmjs|yarnpkg|npmmirror)\\.`), 'a registry host'],
  [/"resolved": "https?:/, 'a registry host'],
  [new RegExp(`-----BEGIN ${'[A-Z ]*'}PRIVATE KEY-----`), 'a private key'],
  [new RegExp(`AIza${'[0-9A-Za-z_-]'}{35}`), 'an API key'],
];

export function traces(files: Source[]): Verdict {
  const findings: Finding[] = [];
  for (const file of files) {
    for (const [pattern, message] of TRACES) {
      const match = pattern.exec(file.text);
      if (match) findings.push({ path: file.path, line: file.text.slice(0, match.index).split('\n').length, message });
    }
  }
  return { seen: files.length, findings };
}

export const DOCUMENT_LIMITS: Record<string, { bytes?: number; lines?: number }> = {
  'README.md': { bytes: 8_192 },
  'ARCHITECTURE.md': { bytes: 16_384 },
  'CONTRIBUTING.md': { bytes: 8_192 },
  'AGENTS.md': { lines: 100 },
};

/** Documents keep their limits, and every path of ours that they name exists. */
export function documents(files: Source[], exists: (path: string) => boolean): Verdict {
  const findings: Finding[] = [];
  let seen = 0;
  for (const file of files) {
    const limit = DOCUMENT_LIMITS[file.path];
    if (limit) seen += 1;
    const report = (message: string, line = 1) => findings.push({ path: file.path, line, message });
    const bytes = Buffer.byteLength(file.text);
    const lines = file.text.split('\n').length - 1;
    if (limit?.bytes && bytes > limit.bytes) report(`${bytes} bytes, at most ${limit.bytes}`);
    if (limit?.lines && lines > limit.lines) report(`${lines} lines, at most ${limit.lines}`);
    for (const match of file.text.matchAll(/(?:`|\]\()((?:src|test|bench|scripts|docs|bin|\.ci)\/[\w./-]*[\w/])/g)) {
      seen += 1;
      if (!exists(match[1] ?? '')) report(`names ${match[1]}, which does not exist`, file.text.slice(0, match.index).split('\n').length);
    }
  }
  return { seen, findings };
}

/** Each production dependency has a line of reason, and no reason outlives its dependency. */
export function dependencyReasons(manifest: { dependencies: Record<string, string> }, record: string): Verdict {
  const listed = [...record.matchAll(/^\| `([^`]+)` *\|/gm)].map((match) => match[1] ?? '');
  const names = Object.keys(manifest.dependencies);
  const at = (message: string) => ({ path: 'docs/decisions', line: 1, message });
  const findings = [
    ...names.filter((name) => !listed.includes(name)).map((name) => at(`no reason is given for ${name}`)),
    ...listed.filter((name) => !names.includes(name)).map((name) => at(`${name} has a reason but is no dependency`)),
    ...Object.entries(manifest.dependencies)
      .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
      .map(([name, version]) => at(`${name}@${version} is not pinned`)),
  ];
  return { seen: names.length, findings };
}

interface Lockfile {
  packages: Record<string, { optionalDependencies?: Record<string, string>; resolved?: string }>;
}

/**
 * `npm ci` refuses a lockfile that lacks a package for another platform, and npm leaves those out when its registry does not have them: then a
 * lockfile that works where it was made fails everywhere else.
 */
export function lockfile(lock: Lockfile): Verdict {
  const findings: Finding[] = [];
  let seen = 0;
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      seen += 1;
      if (!lock.packages[`node_modules/${name}`] && !lock.packages[`${path}/node_modules/${name}`])
        findings.push({ path: 'package-lock.json', line: 1, message: `${path} needs ${name} on some platform, and it is not there` });
    }
    if (entry.resolved) findings.push({ path: 'package-lock.json', line: 1, message: `${path} names the place it came from` });
  }
  return { seen, findings };
}
