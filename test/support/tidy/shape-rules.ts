import type { Node } from 'oxc-parser';
import { type Finding, isConfigFile, isTest, type Module, type Source, type Verdict } from './source.ts';

export const FILE_LINES_MAX = 400;
export const FUNCTION_LINES_MAX = 70;
export const PARAMETERS_MAX = 4;

export function fileSizes(files: Source[]): Verdict {
  const findings = files
    .map((file) => ({ path: file.path, line: 1, lines: file.text.split('\n').length - 1 }))
    .filter((file) => file.lines > FILE_LINES_MAX)
    .map(({ path, line, lines }) => ({ path, line, message: `${lines} lines, at most ${FILE_LINES_MAX}` }));
  return { seen: files.length, findings };
}

/** Own lines of a function: neither blank nor part of a function inside it. Tests are exempt: their `describe` is a function too. */
export function functionSizes(modules: Module[]): Verdict {
  const findings: Finding[] = [];
  let seen = 0;
  for (const module of modules) {
    if (isTest(module.path)) continue;
    const functions: FunctionNode[] = [];
    module.walk((node) => {
      if (isFunction(node)) functions.push(node);
    });
    for (const node of functions) {
      seen += 1;
      const line = module.lineOf(node.start);
      const lines = ownLines(module, node, functions);
      if (lines > FUNCTION_LINES_MAX)
        findings.push({ path: module.path, line, message: `a function of ${lines} lines, at most ${FUNCTION_LINES_MAX}` });
      if (node.params.length > PARAMETERS_MAX)
        findings.push({ path: module.path, line, message: `${node.params.length} parameters, at most ${PARAMETERS_MAX}` });
    }
  }
  return { seen, findings };
}

type FunctionNode = Extract<Node, { type: 'FunctionDeclaration' | 'FunctionExpression' | 'ArrowFunctionExpression' }>;
const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
const isFunction = (node: Node): node is FunctionNode => FUNCTIONS.has(node.type);

/** The first and last line of an inner function still belong to the outer one. */
function ownLines(module: Module, node: FunctionNode, all: FunctionNode[]): number {
  const [first, last] = [module.lineOf(node.start), module.lineOf(node.end - 1)];
  const inner = new Set<number>();
  for (const other of all) {
    if (other === node || other.start < node.start || other.end > node.end) continue;
    for (let line = module.lineOf(other.start) + 1; line < module.lineOf(other.end - 1); line += 1) inner.add(line);
  }
  const lines = module.text.split('\n');
  let own = 0;
  for (let line = first; line <= last; line += 1) if (!inner.has(line) && lines[line - 1]?.trim() !== '') own += 1;
  return own;
}

export function looseTypes(modules: Module[]): Verdict {
  const findings: Finding[] = [];
  for (const module of modules) {
    const report = (node: Node, message: string) => findings.push({ path: module.path, line: module.lineOf(node.start), message });
    module.walk((node) => {
      if (node.type === 'TSAnyKeyword') report(node, '`any`');
      if (node.type === 'TSNonNullExpression') report(node, 'a non-null `!`');
      if (node.type === 'ExportDefaultDeclaration' && !isConfigFile(module.path)) report(node, 'a default export');
    });
  }
  return { seen: modules.length, findings };
}

export function environmentReads(modules: Module[]): Verdict {
  const findings: Finding[] = [];
  let seen = 0;
  for (const module of modules) {
    if (!module.path.startsWith('src/') || module.path === 'src/base/config.ts' || isTest(module.path)) continue;
    seen += 1;
    const report = (node: Node) =>
      findings.push({ path: module.path, line: module.lineOf(node.start), message: 'process.env is read in src/base/config.ts only' });
    module.walk((node) => {
      const isProcess = (other: Node | null | undefined) => other?.type === 'Identifier' && other.name === 'process';
      if (node.type === 'MemberExpression' && isProcess(node.object) && memberName(node) === 'env') report(node);
      if (node.type === 'VariableDeclarator' && isProcess(node.init) && node.id.type === 'ObjectPattern') report(node);
    });
    const named = module.imports.find((entry) => /^(node:)?process$/.test(entry.specifier) && entry.names.includes('env'));
    if (named) findings.push({ path: module.path, line: named.line, message: 'process.env is read in src/base/config.ts only' });
  }
  return { seen, findings };
}

const memberName = (node: Extract<Node, { type: 'MemberExpression' }>): string | undefined => {
  if (!node.computed) return node.property.type === 'Identifier' ? node.property.name : undefined;
  return node.property.type === 'Literal' ? String(node.property.value) : undefined;
};

const SQL =
  /^\s*(select\s.+\sfrom\s|insert\s+(or\s+\w+\s+)?into\s|update\s+\w+\s+set\s|delete\s+from\s|(create|drop|alter)\s+(table|index|unique|trigger|view)\s|pragma\s+\w|begin(\s+(immediate|exclusive|deferred))?;?\s*$|savepoint\s|vacuum\b)/is;

export function sqlText(modules: Module[]): Verdict {
  const findings: Finding[] = [];
  let seen = 0;
  for (const module of modules) {
    if (!module.path.startsWith('src/') || module.path.startsWith('src/store/') || isTest(module.path)) continue;
    module.walk((node) => {
      const text =
        node.type === 'Literal' && typeof node.value === 'string'
          ? node.value
          : node.type === 'TemplateElement'
            ? node.value.raw
            : undefined;
      if (text === undefined) return;
      seen += 1;
      if (SQL.test(text)) findings.push({ path: module.path, line: module.lineOf(node.start), message: 'SQL text belongs to src/store' });
    });
  }
  return { seen, findings };
}

const MUTATORS = new Set(['set', 'add', 'delete', 'clear', 'push', 'pop', 'shift', 'unshift', 'splice', 'sort', 'fill', 'reverse']);

/** Programs (the server and its writer thread) may hold what lives as long as the process. */
const PROGRAMS = new Set(['src/main.ts', 'src/cli/main.ts', 'src/store/sqlite-writer.ts']);

/** State at module level is shared by every test and every app in the process. Constant tables are fine as long as nothing changes them. */
export function moduleState(modules: Module[]): Verdict {
  const findings: Finding[] = [];
  let seen = 0;
  for (const module of modules) {
    if (!module.path.startsWith('src/') || PROGRAMS.has(module.path) || isTest(module.path)) continue;
    const changed = changedNames(module);
    for (const outer of module.body) {
      const node = outer.type === 'ExportNamedDeclaration' && outer.declaration ? outer.declaration : outer;
      if (node.type !== 'VariableDeclaration') continue;
      for (const item of node.declarations) {
        seen += 1;
        const line = module.lineOf(item.start);
        if (node.kind !== 'const') findings.push({ path: module.path, line, message: `module-level \`${node.kind}\`` });
        else if (item.id.type === 'Identifier' && isHolder(item.init) && (changed.has(item.id.name) || isEmpty(item.init)))
          findings.push({ path: module.path, line, message: `"${item.id.name}" is mutable state at module level` });
      }
    }
    module.walk((node) => {
      if (node.type === 'PropertyDefinition' && node.static && !node.readonly)
        findings.push({ path: module.path, line: module.lineOf(node.start), message: 'a static field is module-level state' });
    });
  }
  return { seen, findings };
}

/** Names whose contents some code of the file changes: `name.set(…)`, `name[x] = …`, `name.x += …`, `delete name.x`. */
function changedNames(module: Module): Set<string> {
  const names = new Set<string>();
  const owner = (node: Node | null | undefined) => {
    if (node?.type === 'MemberExpression' && node.object.type === 'Identifier') names.add(node.object.name);
  };
  module.walk((node) => {
    if (node.type === 'CallExpression' && node.callee.type === 'MemberExpression' && MUTATORS.has(memberName(node.callee) ?? ''))
      owner(node.callee);
    if (node.type === 'AssignmentExpression') owner(node.left);
    if (node.type === 'UpdateExpression') owner(node.argument);
    if (node.type === 'UnaryExpression' && node.operator === 'delete') owner(node.argument);
  });
  return names;
}

function isHolder(node: Node | null | undefined): boolean {
  return node?.type === 'ArrayExpression' || node?.type === 'ObjectExpression' || node?.type === 'NewExpression';
}

const COLLECTIONS = new Set(['Map', 'Set', 'WeakMap', 'WeakSet', 'LRUCache', 'AsyncLocalStorage', 'EventEmitter']);

/** An empty collection at module level has no other use than to be filled. */
function isEmpty(node: Node | null | undefined): boolean {
  if (node?.type === 'ArrayExpression') return node.elements.length === 0;
  if (node?.type === 'ObjectExpression') return node.properties.length === 0;
  if (node?.type !== 'NewExpression' || node.callee.type !== 'Identifier') return false;
  const name = node.callee.name;
  return COLLECTIONS.has(name) && (node.arguments.length === 0 || !/^(Weak)?(Map|Set)$/.test(name));
}
