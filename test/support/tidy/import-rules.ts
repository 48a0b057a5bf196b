import { posix } from 'node:path';
import { type Finding, type Import, isTest, type Module, type Verdict } from './source.ts';

/** The floors of ARCHITECTURE.md. A folder that is not named here has no place yet and fails. */
const FLOORS: Record<string, number> = {
  base: 0,
  contract: 0,
  crypto: 1,
  store: 2,
  model: 3,
  tools: 3,
  guard: 3,
  metrics: 3,
  access: 3,
  alerts: 3,
  agent: 4,
  doctor: 4,
  http: 5,
};

/** Beside the house: what they may import besides themselves. */
const BESIDE: Record<string, string[]> = { client: ['contract'], cli: ['base', 'contract', 'client'], web: ['contract', 'client'] };

/** Packages and drivers that only one folder knows. */
const OWNERS: Record<string, string[]> = {
  'node:sqlite': ['store'],
  'node:worker_threads': ['store'],
  hono: ['http'],
  '@hono/node-server': ['http'],
  commander: ['cli'],
  pino: ['base'],
  mathjs: ['tools'],
  zod: ['contract', 'base', 'tools', 'http', 'store', 'model', 'agent', 'client'],
};

/** `src/<folder>/…` gives the folder, `src/<file>` gives ''; undefined for what is not in src or web. */
function folderOf(path: string): string | undefined {
  if (path.startsWith('web/')) return 'web';
  const parts = path.split('/');
  if (parts[0] !== 'src') return undefined;
  return parts.length > 2 ? parts[1] : '';
}

export function floors(modules: Module[]): Verdict {
  const findings: Finding[] = [];
  let seen = 0;
  for (const module of modules) {
    const from = folderOf(module.path);
    if (from === undefined || from === '' || isTest(module.path)) continue;
    if (!(from in FLOORS) && !(from in BESIDE)) findings.push({ path: module.path, line: 1, message: `folder "${from}" has no floor` });
    for (const entry of module.imports) {
      const to = entry.target === undefined ? undefined : folderOf(entry.target);
      if (to === undefined || to === '' || to === from) continue;
      seen += 1;
      if (!mayImport(from, to)) findings.push({ path: module.path, line: entry.line, message: `${from} must not import ${to}` });
    }
  }
  return { seen, findings };
}

function mayImport(from: string, to: string): boolean {
  if (from in BESIDE) return BESIDE[from]?.includes(to) ?? false;
  if (from === 'contract') return false;
  if (from === 'base') return to === 'contract';
  return (FLOORS[from] ?? -1) > (FLOORS[to] ?? Number.POSITIVE_INFINITY);
}

/** `main.ts` and `app.ts` wire the parts; nothing in the house knows them. Entries of src's root import anything but each other's programs. */
export function wiring(modules: Module[]): Verdict {
  const roots = new Set(['src/main.ts', 'src/app.ts']);
  const findings: Finding[] = [];
  let seen = 0;
  for (const module of modules) {
    if (!module.path.startsWith('src/') || isTest(module.path)) continue;
    for (const entry of module.imports) {
      seen += 1;
      if (entry.target !== undefined && roots.has(entry.target) && module.path !== 'src/main.ts')
        findings.push({ path: module.path, line: entry.line, message: `nobody imports ${entry.target}` });
      if (module.path.split('/').length === 2 && entry.target?.startsWith('src/cli/'))
        findings.push({ path: module.path, line: entry.line, message: 'the server does not import the CLI' });
    }
  }
  return { seen, findings };
}

export function owners(modules: Module[]): Verdict {
  const findings: Finding[] = [];
  let seen = 0;
  for (const module of modules) {
    const folder = folderOf(module.path);
    if (folder === undefined || folder === '' || isTest(module.path)) continue;
    for (const entry of module.imports) {
      if (entry.target !== undefined) continue;
      seen += 1;
      const packageName = entry.specifier.startsWith('@') ? entry.specifier.split('/', 2).join('/') : (entry.specifier.split('/')[0] ?? '');
      const allowed = OWNERS[packageName];
      if (allowed && !allowed.includes(folder))
        findings.push({ path: module.path, line: entry.line, message: `${packageName} belongs to src/${allowed[0]}` });
    }
  }
  return { seen, findings };
}

/** Every cycle is named once, by its first file in the order of the alphabet. Type-only imports count: they bind readers all the same. */
export function cycles(modules: Module[]): Verdict {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const done = new Set<string>();
  const findings: Finding[] = [];
  let seen = 0;
  const visit = (path: string, trail: string[]) => {
    const at = trail.indexOf(path);
    if (at !== -1) {
      findings.push({ path, line: 1, message: `import cycle: ${[...trail.slice(at), path].join(' → ')}` });
      return;
    }
    if (done.has(path)) return;
    for (const entry of byPath.get(path)?.imports ?? []) {
      if (entry.target === undefined || !byPath.has(entry.target)) continue;
      seen += 1;
      visit(entry.target, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of [...byPath.keys()].sort()) visit(path, []);
  return { seen, findings };
}

export function specifiers(modules: Module[], exists: (path: string) => boolean): Verdict {
  const findings: Finding[] = [];
  let seen = 0;
  const report = (module: Module, entry: Import, message: string) => findings.push({ path: module.path, line: entry.line, message });
  for (const module of modules) {
    for (const entry of module.imports) {
      seen += 1;
      if (entry.target === undefined) {
        if (/^[#~/]/.test(entry.specifier)) report(module, entry, `"${entry.specifier}": no path aliases`);
        continue;
      }
      if (module.path.startsWith('bin/')) continue;
      if (!/\.(ts|tsx|json|css)$/.test(entry.specifier)) report(module, entry, `"${entry.specifier}" needs its .ts`);
      else if (!exists(posix.normalize(entry.target))) report(module, entry, `"${entry.specifier}" does not exist`);
    }
  }
  return { seen, findings };
}

/** Ciphers, keys and MACs are made in src/crypto only. What others may take from node:crypto is chance, digests and a safe comparison. */
const CRYPTO_FOR_ALL = new Set(['randomBytes', 'randomFillSync', 'randomInt', 'randomUUID', 'createHash', 'hash', 'timingSafeEqual']);

export function ciphers(modules: Module[]): Verdict {
  const findings: Finding[] = [];
  let seen = 0;
  for (const module of modules) {
    if (!module.path.startsWith('src/') || module.path.startsWith('src/crypto/') || isTest(module.path)) continue;
    seen += 1;
    for (const entry of module.imports) {
      if (entry.specifier !== 'node:crypto' || entry.typeOnly) continue;
      for (const name of entry.names) {
        if (!CRYPTO_FOR_ALL.has(name))
          findings.push({ path: module.path, line: entry.line, message: `${name} of node:crypto belongs to src/crypto` });
      }
    }
    module.walk((node) => {
      if (node.type === 'MemberExpression' && node.property.type === 'Identifier' && node.property.name === 'subtle')
        findings.push({ path: module.path, line: module.lineOf(node.start), message: 'WebCrypto belongs to src/crypto' });
    });
  }
  return { seen, findings };
}

/** A single type may be passed on beside the function that returns it; more than that is a barrel. */
export function barrels(modules: Module[]): Verdict {
  const inside = modules.filter((module) => module.path.startsWith('src/') && !['src/index.ts', 'src/client.ts'].includes(module.path));
  const findings = inside
    .filter((module) => module.reExports.broad || module.reExports.count > 1)
    .map((module) => ({
      path: module.path,
      line: 1,
      message: 're-exports: what is published, src/index.ts and src/client.ts, are the only barrels',
    }));
  return { seen: inside.length, findings };
}
