// Makes dist/: the server, the CLI, what agent authors import, the SQLite writer thread, their types and the licences of what is bundled.
// All programs lie in one folder and share chunks: files find each other by `import.meta.url`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Metafile, type Plugin } from 'esbuild';
import { build as buildWeb } from 'vite';
import { thirdPartyLicenses } from './third-party-licenses.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
/** The old build stays until the new one is whole: a running agent and its health checks read dist/. */
const staged = join(root, 'dist.new');

const PROGRAMS = {
  main: 'src/main.ts',
  cli: 'src/cli/main.ts',
  index: 'src/index.ts',
  'sqlite-writer': 'src/store/sqlite-writer.ts',
};

/** What others import over the network's other end: one file for Node and browsers alike. */
const CLIENT = 'src/client.ts';

/** Failpoints belong to test bundles; one in what ships would let a request end the process. */
const FORBIDDEN_IN_DIST = [`${'fail'}point(`];

// Bundled CommonJS packages ask for Node's own modules by `require`, which an ES module does not have.
const REQUIRE_BANNER = `import { createRequire as holdfastRequire } from 'node:module'; const require = holdfastRequire(import.meta.url);`;

/** zod's entry carries its messages in fifty languages, a third of the server's bundle; ours are English. */
const englishOnly: Plugin = {
  name: 'english only',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^\.\.\/locales\/index\.js$/ }, ({ importer, resolveDir, kind }) =>
      importer.includes('/node_modules/zod/') ? resolve('../locales/en.js', { resolveDir, kind }) : undefined,
    );
  },
};

async function bundle(version: string): Promise<Metafile> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: PROGRAMS,
    outdir: staged,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    chunkNames: '[name]-[hash]',
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'linked',
    minifySyntax: true,
    minifyWhitespace: true,
    keepNames: false,
    plugins: [englishOnly],
    metafile: true,
    banner: { js: REQUIRE_BANNER },
    define: { HOLDFAST_BUILD_VERSION: JSON.stringify(version) },
    logLevel: 'warning',
  });
  return result.metafile;
}

async function bundleClient(): Promise<Metafile> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: { client: CLIENT },
    outdir: staged,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    sourcemap: 'linked',
    sourcesContent: false,
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
    logLevel: 'warning',
  });
  return result.metafile;
}

function emitTypes(): void {
  const done = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', join(staged, 'types')],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  if (done.status !== 0) fail(`the type declarations could not be made:\n${done.stdout}${done.stderr}`);
}

function refuseTestCode(): void {
  for (const name of readdirSync(staged)) {
    if (!name.endsWith('.js')) continue;
    const text = readFileSync(join(staged, name), 'utf8');
    for (const marker of FORBIDDEN_IN_DIST) if (text.includes(marker)) fail(`dist/${name} contains "${marker}": test code must not ship`);
  }
}

function printSizes(made: Metafile): void {
  const metafile = JSON.parse(JSON.stringify(made).replaceAll('dist.new/', 'dist/')) as Metafile;
  const programs = new Set([...Object.keys(PROGRAMS), 'client'].map((name) => `dist/${name}.js`));
  const rows = Object.entries(metafile.outputs)
    .filter(([path]) => path.endsWith('.js'))
    .map(([path, output]) => ({ path, bytes: output.bytes, start: startBytes(metafile, path) }))
    .sort((a, b) => Number(programs.has(b.path)) - Number(programs.has(a.path)) || b.bytes - a.bytes);
  for (const row of rows) {
    const loaded = programs.has(row.path) ? `   ${kilobytes(row.start)} loaded at start` : '';
    console.log(`  ${row.path.padEnd(38)}${kilobytes(row.bytes)}${loaded}`);
  }
  const total = rows.map((row) => gzipSync(readFileSync(join(root, row.path))).length).reduce((sum, bytes) => sum + bytes, 0);
  console.log(`  ${rows.length} files, ${kilobytes(total)} gzipped`);
}

/** Bytes of a program and of every chunk it imports without waiting for a need. */
function startBytes(metafile: Metafile, path: string, seen = new Set<string>()): number {
  const output = metafile.outputs[path];
  if (!output || seen.has(path)) return 0;
  seen.add(path);
  const chunks = output.imports.filter((entry) => entry.kind === 'import-statement' && !entry.external);
  return chunks.reduce((sum, entry) => sum + startBytes(metafile, entry.path, seen), output.bytes);
}

const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`.padStart(11);

function fail(message: string): never {
  console.error(`build: ${message}`);
  rmSync(staged, { recursive: true, force: true });
  process.exit(1);
}

/** Two renames: dist/ is away for less than a millisecond. */
function putInPlace(): void {
  const old = join(root, 'dist.old');
  rmSync(old, { recursive: true, force: true });
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(staged, dist);
  rmSync(old, { recursive: true, force: true });
}

/** As start.sh sees it: nothing that is built from is younger than what was built. */
function isUpToDate(): boolean {
  const stamp = statSync(join(dist, 'cli.js'), { throwIfNoEntry: false })?.mtimeMs;
  if (stamp === undefined || !existsSync(join(dist, 'main.js'))) return false;
  const folders = ['src', 'scripts', 'web'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(root, folder, name)),
  );
  const files = ['package.json', 'package-lock.json', 'tsconfig.json'].map((name) => join(root, name));
  return [...folders, ...files].map((path) => statSync(path)).every((found) => found.isDirectory() || found.mtimeMs <= stamp);
}

const began = performance.now();
for (const path of [...Object.values(PROGRAMS), CLIENT]) if (!existsSync(join(root, path))) fail(`${path} is missing`);
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const onlyIfStale = process.argv.includes('--if-stale');
if (onlyIfStale && isUpToDate()) process.exit(0);
rmSync(staged, { recursive: true, force: true });
mkdirSync(staged);
// esbuild has printed what is wrong; its stack would only push that off the screen.
const metafile = await bundle(version).catch(() => fail('the sources cannot be bundled'));
const clientFile = await bundleClient().catch(() => fail('the client cannot be bundled'));
metafile.outputs = { ...metafile.outputs, ...clientFile.outputs };
const web = { configFile: join(root, 'web/vite.config.ts'), logLevel: 'warn', build: { outDir: join(staged, 'web') } } as const;
await buildWeb(web).catch(() => fail('the dashboard cannot be built'));
refuseTestCode();
emitTypes();
writeFileSync(join(staged, 'THIRD_PARTY_LICENSES.txt'), thirdPartyLicenses(root, metafile));
putInPlace();
if (!onlyIfStale) printSizes(metafile);
const seconds = ((performance.now() - began) / 1000).toFixed(1);
console.log(`built holdfast ${version} in ${seconds} s`);
