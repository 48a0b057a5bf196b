// What the documents show works: TypeScript compiles against the types that ship, agents load, commands and files exist.
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createCli, runProgram } from './support/cli.ts';
import { builtProgram, repository, temporaryFolder } from './support/server-process.ts';
import { filesUnder, type Source } from './support/tidy/source.ts';

interface Fence {
  path: string;
  line: number;
  language: string;
  text: string;
}

const pages = filesUnder('.', (path) =>
  /^(README|SECURITY|CONTRIBUTING)\.md$|^(docs\/(guide|operate)\/|docs\/README|examples\/).*\.md$|^docs\/README\.md$/.test(path),
);
const folder = temporaryFolder('guide');
afterAll(() => rmSync(folder, { recursive: true }));

function fencesOf({ path, text }: Source): Fence[] {
  // A fence in a list is indented.
  return [...text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^\1```$/gm)].map(({ index, 1: indent = '', 2: language = '', 3: body = '' }) => ({
    path,
    line: text.slice(0, index).split('\n').length,
    language,
    text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/** A project beside which `holdfast` is installed as npm would: by its name, with what ships. */
function projectWith(fences: readonly Fence[]): Map<string, Fence> {
  mkdirSync(join(folder, 'node_modules'));
  for (const name of ['zod', '@types', '@ai-sdk']) symlinkSync(join(repository, 'node_modules', name), join(folder, 'node_modules', name));
  symlinkSync(repository, join(folder, 'node_modules', 'holdfast'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const { compilerOptions } = JSON.parse(readFileSync(join(repository, 'tsconfig.json'), 'utf8')) as {
    compilerOptions: Record<string, unknown>;
  };
  const { paths: _, noUnusedLocals: __, ...options } = compilerOptions;
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['*.ts'] }));
  return new Map(
    fences.map((fence, index) => {
      const name = `snippet-${index}.ts`;
      writeFileSync(join(folder, name), `${fence.text}\nexport {};\n`);
      return [name, fence];
    }),
  );
}

const fences = pages.flatMap(fencesOf);
const typescript = fences.filter(({ language }) => language === 'ts');
const agents = typescript.filter(({ text }) => text.includes('export default defineAgent('));
const where = ({ path, line }: Fence) => `${path}:${line}`;

test('the pages are there, with code in them', () => {
  expect(pages.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['README.md', 'docs/guide/tools.md', 'examples/slack-bot/README.md']),
  );
  expect([typescript.length >= 9, agents.length >= 6]).toEqual([true, true]);
});

test('every TypeScript snippet compiles as it stands, against the types that ship', async () => {
  builtProgram('index');
  const named = projectWith(typescript);
  const tsc = join(repository, 'node_modules/typescript/bin/tsc');
  const { code, stdout } = await runProgram([process.execPath, tsc, '-p', folder, '--pretty', 'false'], { cwd: folder });
  const said = stdout.replaceAll(/^(snippet-\d+\.ts)/gm, (name) =>
    where(named.get(name) ?? { path: name, line: 0, language: '', text: '' }),
  );
  expect([code, said]).toEqual([0, '']);
  // It looked: a snippet that is wrong is found.
  writeFileSync(join(folder, 'snippet-wrong.ts'), "import { defineTool } from 'holdfast';\ndefineTool({ name: 5 });\n");
  const wrong = await runProgram([process.execPath, tsc, '-p', folder, '--pretty', 'false'], { cwd: folder });
  rmSync(join(folder, 'snippet-wrong.ts'));
  expect([wrong.code === 0, wrong.stdout]).toEqual([false, expect.stringContaining('snippet-wrong.ts(2')]);
});

describe('every agent that is shown', () => {
  test.each(agents.map((fence) => [where(fence), fence] as const))('%s loads', async (_, { text }) => {
    const home = join(folder, 'agent');
    rmSync(home, { recursive: true, force: true });
    mkdirSync(home);
    writeFileSync(join(home, 'holdfast.config.ts'), text);
    const cli = createCli();
    const { stdout } = await cli.expect(0, ['config', 'validate'], { cwd: home });
    for (const [, name = ''] of text.matchAll(/^\s*name: '([a-z_-]+)',\n\s*(?:description|on|before|transform)/gm))
      expect(stdout).toContain(name);
    await cli.close();
  });
});

/** Verbs with their flags, as the reference lists them. */
function grammar(): Map<string, Set<string>> {
  const known = new Map<string, Set<string>>();
  const reference = readFileSync(join(repository, 'docs/reference/cli.md'), 'utf8');
  for (const [, verb = '', body = ''] of reference.matchAll(/^## `holdfast ([a-z ]+?)(?: [<[].*)?`\n([\s\S]*?)(?=^## |(?![\s\S]))/gm)) {
    const flags = [...body.matchAll(/^\| `([^`]+)`/gm)].flatMap(([, flag = '']) => [...flag.matchAll(/--?[a-z-]+/g)].map(([name]) => name));
    known.set(verb, new Set([...flags, '--help', '-h']));
  }
  return known;
}

/** Commands of ours in shell code: from `holdfast` to whatever ends a command. */
function commandsIn(text: string): string[] {
  // A container may have our name, too.
  const unquoted = text.replaceAll(/"[^"\n]*"|'[^'\n]*'/g, '…').replaceAll(/docker exec \S+ /g, '');
  return [...unquoted.matchAll(/(?:^|[\s`$(|])(?:npx )?holdfast ([a-z][^\n`|#;&<>)]*)/gm)].map(([, command = '']) => command.trim());
}

function mistakeIn(command: string, known: Map<string, Set<string>>): string | undefined {
  const words = command.split(/\s+/);
  const verb = [words.slice(0, 2).join(' '), words[0] ?? ''].find((name) => known.has(name));
  if (verb === undefined) return `holdfast ${command}: no such verb`;
  const wrong = words.filter((word) => /^--?[a-z]/.test(word)).find((flag) => !known.get(verb)?.has(flag.split('=')[0] ?? ''));
  return wrong === undefined ? undefined : `holdfast ${command}: no such flag ${wrong}`;
}

test('every command that is shown is one, with flags it has', () => {
  const known = grammar();
  expect(known.get('chat')).toContain('--fail-on-degraded');
  const inline = pages.flatMap(({ text }) => [...text.matchAll(/`((?:npx )?holdfast [^`]+)`/g)].map(([, code = '']) => code));
  const shell = fences.filter(({ language }) => language !== 'ts').map(({ text }) => text);
  const commands = [...shell, ...inline].flatMap(commandsIn);
  expect(commands.length).toBeGreaterThan(30);
  expect(commands.flatMap((command) => mistakeIn(command, known) ?? [])).toEqual([]);
  expect(mistakeIn('chta "x"', known)).toContain('no such verb');
  expect(mistakeIn('chat --fail-on-degrade "x"', known)).toContain('no such flag');
  expect(commandsIn('git diff | npx holdfast chat "a | b" --json\n')).toEqual(['chat … --json']);
});

test('every script of npm that is shown is one', () => {
  const { scripts } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const named = pages.flatMap(({ text }) => [...text.matchAll(/npm run (?:-s )?([a-z:-]+)/g)].map(([, name = '']) => name));
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

test('every link to a file of ours leads somewhere', () => {
  const links = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target = '']) => [path, target] as const),
  );
  expect(links.length).toBeGreaterThan(40);
  expect(links.filter(([path, target]) => !existsSync(join(repository, dirname(path), target)))).toEqual([]);
});
