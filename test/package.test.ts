// What `npm pack` would publish, installed by a stranger in an empty folder: small, complete, typed, and talking at once.
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, runProgram } from './support/cli.ts';
import { homeIn, repository, temporaryFolder } from './support/server-process.ts';

const BYTES_MAX = 80 * 1024 * 1024;
const PACKAGES_MAX = 120;
const FIRST_ANSWER_MS_MAX = 30_000;

const folder = temporaryFolder('package');
const project = join(folder, 'project');
const home = homeIn(project);
let files: string[];
let tarball: string;

/** How npm reaches its registry from here; every other setting of whoever runs the tests stays out. */
const network = Object.fromEntries(
  Object.entries(process.env).filter(([name]) =>
    /^(NODE_EXTRA_CA_CERTS|SSL_CERT_\w+|(https?|no)_proxy|npm_config_(registry|cafile|userconfig))$/i.test(name),
  ),
);

const inProject = (command: string[]) =>
  runProgram(command, {
    cwd: project,
    timeoutMs: 120_000,
    env: { PORT: '0', DASHBOARD_PORT: '0', ...(network as Record<string, string>) },
  });

function good(result: CliResult): string {
  expect(result, result.stderr).toMatchObject({ code: 0 });
  return result.stdout;
}

beforeAll(async () => {
  mkdirSync(project);
  // The tests run what is built; building again here would pull dist/ from under the others.
  const packed = await runProgram(['npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: repository });
  const [report] = JSON.parse(good(packed)) as { filename: string; files: { path: string }[] }[];
  files = report?.files.map(({ path }) => path) ?? [];
  tarball = join(folder, report?.filename ?? '');
}, 60_000);

afterAll(async () => {
  await inProject(['npx', 'holdfast', 'stop']);
  rmSync(folder, { recursive: true });
});

test('the tarball holds the program, its types, licences and the page about it, and nothing else', () => {
  const allowed =
    /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|SECURITY\.md|docs\/(guide|operate|reference)\/[\w-]+\.(md|json)|bin\/holdfast\.js|dist\/[\w.-]+\.(js|txt)|dist\/types\/.+\.d\.ts|dist\/web\/.+)$/;
  expect(files.filter((path) => !allowed.test(path))).toEqual([]);
  expect(files).toEqual(
    expect.arrayContaining([
      'README.md',
      'LICENSE',
      'docs/operate/troubleshooting.md',
      'bin/holdfast.js',
      'dist/main.js',
      'dist/cli.js',
      'dist/sqlite-writer.js',
      'dist/types/index.d.ts',
      'dist/web/index.html',
    ]),
  );
  expect(files.filter((path) => path.endsWith('.map') || /\.test\./.test(path))).toEqual([]);
});

describe('installed in an empty folder', () => {
  test('it is small and gives its first answer within half a minute, the install included', async () => {
    const began = performance.now();
    good(await inProject(['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball]));
    const installedMs = performance.now() - began;
    expect(good(await inProject(['npx', 'holdfast', 'start']))).toContain('npx holdfast chat');
    expect(good(await inProject(['npx', 'holdfast', 'chat', 'Hello from a stranger']))).toContain('Hello from a stranger');
    const answeredMs = performance.now() - began;
    good(await inProject(['npx', 'holdfast', 'stop']));

    const { packages, bytes } = weigh(join(project, 'node_modules'));
    console.log(
      `${packages} packages, ${(bytes / 1_048_576).toFixed(0)} MiB, installed in ${(installedMs / 1000).toFixed(1)} s, answered after ${(answeredMs / 1000).toFixed(1)} s`,
    );
    expect(packages).toBeLessThanOrEqual(PACKAGES_MAX);
    expect(bytes).toBeLessThanOrEqual(BYTES_MAX);
    expect(answeredMs).toBeLessThan(FIRST_ANSWER_MS_MAX);
    expect(readdirSync(home).sort()).toEqual(['data', 'keys', 'logs', 'run']);
  }, 90_000);

  test('what authors import is there, typed, and used by the server it came with', async () => {
    const agent = `import { type AgentDefinition, defineAgent, defineTool, RequestRejected, type Tool } from 'holdfast';
import { createClient, type Turn } from 'holdfast/client';
import { z } from 'zod';
export const ask = (url: string): Promise<Turn | unknown> => createClient({ url, apiKey: 'k' }).chat({ body: { message: 'Hello!' } });
const tide: Tool = defineTool({
  name: 'tide',
  description: 'Height of the tide in metres.',
  input: z.object({ harbour: z.string() }),
  repeatable: true,
  run: async ({ harbour }) => ({ harbour: harbour.toUpperCase(), metres: 2.4 }),
});
const agent: AgentDefinition = defineAgent({
  name: 'lighthouse',
  tools: [tide],
  middleware: [{ name: 'no', onRequest: (request) => { if (request.message === 'no') throw new RequestRejected('No.'); } }],
});
export default agent;
`;
    const options = { strict: true, module: 'nodenext', target: 'es2024', noEmit: true, skipLibCheck: false, types: [] };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['holdfast.config.ts'] }));
    writeFileSync(join(project, 'holdfast.config.ts'), agent);
    const tsc = join(repository, 'node_modules/typescript/bin/tsc');
    const typed = await inProject([process.execPath, tsc, '-p', '.']);
    expect(typed.stdout + typed.stderr).toBe('');
    writeFileSync(join(project, 'holdfast.config.ts'), agent.replace('harbour.toUpperCase()', 'harbour.toMetres()'));
    expect((await inProject([process.execPath, tsc, '-p', '.'])).stdout).toMatch(/toMetres/);
    writeFileSync(join(project, 'holdfast.config.ts'), agent);

    good(await inProject(['npx', 'holdfast', 'start']));
    const status = JSON.parse(good(await inProject(['npx', 'holdfast', 'status', '--json']))) as { name: string };
    expect(status.name).toBe('lighthouse');
    const refused = await inProject(['npx', 'holdfast', 'chat', 'no']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('No.');
    good(await inProject(['npx', 'holdfast', 'stop']));
  }, 90_000);
});

/** What lies in node_modules: packages, and the disk their files take. */
function weigh(modules: string): { packages: number; bytes: number } {
  const entries = readdirSync(modules, { recursive: true, withFileTypes: true });
  let bytes = 0;
  let packages = 0;
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    bytes += statSync(join(entry.parentPath, entry.name)).blocks * 512;
    if (entry.name === 'package.json' && /node_modules\/(@[^/]+\/)?[^/]+$/.test(entry.parentPath)) packages += 1;
  }
  return { packages, bytes };
}
