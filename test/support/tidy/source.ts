import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Node, parseSync } from 'oxc-parser';

/** A file of the repository; `path` is relative to its root, with forward slashes. */
export interface Source {
  path: string;
  text: string;
}

export interface Import {
  specifier: string;
  /** The names as the other module exports them; `*` for a namespace, `default` for a default import. */
  names: string[];
  typeOnly: boolean;
  line: number;
  /** For a relative import the path of the file it names, as written; undefined for a package. */
  target?: string;
}

export interface Module extends Source {
  imports: Import[];
  /** How many `export … from` there are, and whether one of them passes on values or everything. */
  reExports: { count: number; broad: boolean };
  body: readonly Node[];
  lineOf(offset: number): number;
  walk(visit: (node: Node, parent: Node | undefined) => void): void;
}

export interface Finding {
  path: string;
  line: number;
  message: string;
}

/** What a rule found, and how many things it looked at: a rule that saw nothing has proved nothing. */
export interface Verdict {
  seen: number;
  findings: Finding[];
}

export const root = fileURLToPath(new URL('../../..', import.meta.url));

const SKIPPED = new Set(['node_modules', 'dist', '.git', '.holdfast', 'coverage', 'results']);

/** Every file of the repository that may be committed and passes `wanted`, sorted. */
export function filesUnder(folder: string, wanted: (path: string) => boolean): Source[] {
  const found: Source[] = [];
  const visit = (at: string) => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (SKIPPED.has(entry.name)) continue;
      const full = join(at, entry.name);
      if (entry.isDirectory()) visit(full);
      const path = relative(root, full).replaceAll('\\', '/');
      if (entry.isFile() && wanted(path)) found.push({ path, text: readFileSync(full, 'utf8') });
    }
  };
  visit(join(root, folder));
  return found.sort((a, b) => a.path.localeCompare(b.path));
}

/** Parses TypeScript or JavaScript; throws when the file does not parse, so that no rule passes by looking away. */
export function parseModule(source: Source): Module {
  const result = parseSync(source.path, source.text);
  const broken = result.errors.find((error) => error.severity === 'Error');
  if (broken) throw new Error(`${source.path}: ${broken.message}`);
  const starts = lineStarts(source.text);
  const lineOf = (offset: number) => starts.findLastIndex((start) => start <= offset) + 1;
  const imports: Import[] = [];
  const reExports = { count: 0, broad: false };
  const add = (specifier: string, names: string[], typeOnly: boolean, offset: number) => {
    const target = specifier.startsWith('.') ? posix.join(dirname(source.path), specifier) : undefined;
    imports.push({ specifier, names, typeOnly, line: lineOf(offset), ...(target === undefined ? {} : { target }) });
  };
  const walk = (visit: (node: Node, parent: Node | undefined) => void) => walkNode(result.program, undefined, visit);
  walk((node) => {
    if (node.type === 'ImportDeclaration') {
      const names = node.specifiers.map(importedName);
      const typeOnly =
        node.importKind === 'type' ||
        (names.length > 0 && node.specifiers.every((item) => item.type === 'ImportSpecifier' && item.importKind === 'type'));
      add(node.source.value, names, typeOnly, node.start);
    } else if ((node.type === 'ExportNamedDeclaration' || node.type === 'ExportAllDeclaration') && node.source) {
      reExports.count += 1;
      if (node.type === 'ExportAllDeclaration' || node.exportKind !== 'type') reExports.broad = true;
      add(node.source.value, ['*'], node.exportKind === 'type', node.start);
    } else if (node.type === 'ImportExpression' || node.type === 'TSImportType') {
      const from = node.source;
      if (from.type === 'Literal' && typeof from.value === 'string') add(from.value, ['*'], node.type === 'TSImportType', node.start);
    }
  });
  return { ...source, imports, reExports, body: result.program.body, lineOf, walk };
}

function importedName(node: Node): string {
  if (node.type === 'ImportSpecifier') return node.imported.type === 'Identifier' ? node.imported.name : String(node.imported.value);
  return node.type === 'ImportDefaultSpecifier' ? 'default' : '*';
}

function walkNode(node: Node, parent: Node | undefined, visit: (node: Node, parent: Node | undefined) => void): void {
  visit(node, parent);
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) walkNode(item, node, visit);
    } else if (isNode(value)) walkNode(value, node, visit);
  }
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value && 'start' in value;

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

export const isTest = (path: string): boolean => path.endsWith('.test.ts') || path.startsWith('test/');
export const isConfigFile = (path: string): boolean => /(^|\/)[a-z]+\.config\.ts$/.test(path);
