// The rules of ARCHITECTURE.md, held by a parser. Each rule says how much it looked at, and is shown to fail on a planted sample.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as imports from './support/tidy/import-rules.ts';
import * as shape from './support/tidy/shape-rules.ts';
import { filesUnder, isTest, parseModule, root, type Source, type Verdict } from './support/tidy/source.ts';
import * as text from './support/tidy/text-rules.ts';

const exists = (path: string) => existsSync(join(root, path));
const code = filesUnder('.', (path) => /\.(ts|tsx|js)$/.test(path));
const modules = code.map(parseModule);
const ours = modules.filter((module) => module.path.startsWith('src/'));
const written = filesUnder('.', (path) => /\.(ts|tsx|js|json|md|sh|sql|ya?ml|example)$|\.ci\/run$|Dockerfile/.test(path));
const markdown = written.filter((file) => file.path.endsWith('.md'));
const decisions = markdown.filter((file) => file.path.startsWith('docs/decisions/'));

/** The whole tree passes, and the rule looked at no fewer than `atLeast` things. */
function passes(verdict: Verdict, atLeast: number): void {
  expect(verdict.findings.map((finding) => `${finding.path}:${finding.line} ${finding.message}`)).toEqual([]);
  expect(verdict.seen).toBeGreaterThanOrEqual(atLeast);
}

const sample = (path: string, body: string) => parseModule({ path, text: body });
const messages = (verdict: Verdict) => verdict.findings.map((finding) => finding.message);

/** The planted code is found, and the clean one beside it is not. */
function finds(verdict: Verdict, ...expected: (string | RegExp)[]): void {
  const found = messages(verdict);
  expect(found).toHaveLength(expected.length);
  expected.forEach((wanted, index) => {
    expect(found[index]).toMatch(wanted);
  });
}

test('the tree is there: tests, sources, documents', () => {
  expect(ours.length).toBeGreaterThan(50);
  expect(code.filter((file) => isTest(file.path)).length).toBeGreaterThan(20);
  expect(markdown.map((file) => file.path)).toEqual(
    expect.arrayContaining(['README.md', 'ARCHITECTURE.md', 'AGENTS.md', 'CONTRIBUTING.md', 'CHANGELOG.md']),
  );
});

describe('imports', () => {
  test('go down the floors only', () => {
    passes(imports.floors(modules), 100);
    finds(imports.floors([sample('src/store/a.ts', "import { x } from '../agent/turn.ts';")]), 'store must not import agent');
    finds(imports.floors([sample('src/model/a.ts', "import type { x } from '../tools/tool.ts';")]), 'model must not import tools');
    finds(imports.floors([sample('src/cli/a.ts', "await import('../store/store.ts');")]), 'cli must not import store');
    finds(imports.floors([sample('src/contract/a.ts', "export { x } from '../base/ids.ts';")]), 'contract must not import base');
    finds(imports.floors([sample('src/agent/a.ts', "let x: import('../http/server.ts').Server;")]), 'agent must not import http');
    finds(imports.floors([sample('web/src/a.ts', "import { x } from '../../src/base/ids.ts';")]), 'web must not import base');
    finds(imports.floors([sample('src/plugins/a.ts', 'export const a = 1;')]), 'has no floor');
    finds(imports.floors([sample('src/agent/a.ts', "import { x } from '../model/models.ts';")]));
  });

  test('leave the composition root alone', () => {
    passes(imports.wiring(modules), 100);
    finds(imports.wiring([sample('src/http/a.ts', "import { createApp } from '../app.ts';")]), 'nobody imports src/app.ts');
    finds(imports.wiring([sample('src/app.ts', "import { run } from './cli/main.ts';")]), 'does not import the CLI');
    finds(imports.wiring([sample('src/main.ts', "import { createApp } from './app.ts';")]));
  });

  test('of a driver or a protocol stay in the folder that owns it', () => {
    passes(imports.owners(modules), 50);
    finds(imports.owners([sample('src/agent/a.ts', "import { Hono } from 'hono';")]), 'hono belongs to src/http');
    finds(imports.owners([sample('src/http/a.ts', "import { DatabaseSync } from 'node:sqlite';")]), 'node:sqlite belongs to src/store');
    finds(imports.owners([sample('src/http/a.ts', "import { x } from 'hono/body-limit';")]));
  });

  test('make no cycles', () => {
    passes(imports.cycles(modules), 200);
    const a = sample('src/base/a.ts', "import { b } from './b.ts';");
    const b = sample('src/base/b.ts', "import type { c } from './c.ts';");
    const c = sample('src/base/c.ts', "export { a } from './a.ts';");
    finds(imports.cycles([c, a, b]), 'src/base/a.ts → src/base/b.ts → src/base/c.ts → src/base/a.ts');
    finds(imports.cycles([a, b]));
  });

  test('name files that exist, with their extension', () => {
    passes(imports.specifiers(modules, exists), 300);
    finds(
      imports.specifiers([sample('src/a.ts', "import './b.js'; import '@/c'; import '~/d.ts';")], () => true),
      /needs its/,
      /aliases/,
    );
    finds(
      imports.specifiers([sample('src/a.ts', "import './gone.ts'; import 'zod';")], () => false),
      /does not exist/,
    );
  });

  test('of ciphers and keys happen in src/crypto only', () => {
    passes(imports.ciphers(modules), 40);
    finds(imports.ciphers([sample('src/store/a.ts', "import { randomBytes, createCipheriv } from 'node:crypto';")]), /createCipheriv/);
    finds(imports.ciphers([sample('src/http/a.ts', "import * as crypto from 'node:crypto';")]), /\*/);
    finds(imports.ciphers([sample('src/http/a.ts', 'await crypto.subtle.encrypt();')]), /WebCrypto/);
    finds(imports.ciphers([sample('src/crypto/a.ts', "import { createCipheriv } from 'node:crypto';")]));
  });

  test('come from files, not from barrels', () => {
    passes(imports.barrels(modules), 50);
    finds(imports.barrels([sample('src/base/index.ts', "export * from './ids.ts';")]), /only barrels/);
    finds(imports.barrels([sample('src/base/a.ts', "export { createIds } from './ids.ts';")]), /only barrels/);
    finds(imports.barrels([sample('src/base/a.ts', "export type { Ids } from './ids.ts'; export const a = 1;")]));
  });
});

describe('shape', () => {
  test('files stay short', () => {
    passes(shape.fileSizes(code), 80);
    finds(shape.fileSizes([{ path: 'src/a.ts', text: '\n'.repeat(401) }]), /401 lines/);
  });

  test('functions stay short and take few parameters', () => {
    passes(shape.functionSizes(modules), 400);
    const long = `const f = () => {\n${'g();\n'.repeat(70)}};`;
    finds(shape.functionSizes([sample('src/a.ts', long)]), /72 lines/);
    const factory = `function f() {\n${'  function g() {\n    h();\n    h();\n  }\n'.repeat(34)}}`;
    finds(shape.functionSizes([sample('src/a.ts', factory)]));
    finds(shape.functionSizes([sample('src/a.ts', factory.replace('h();', 'h();\n'.repeat(80)))]), /8\d lines/);
    finds(shape.functionSizes([sample('src/a.ts', 'function f(a, b, c, d, e) {}')]), /5 parameters/);
  });

  test('types are strict and exports named', () => {
    passes(shape.looseTypes(modules), 80);
    finds(shape.looseTypes([sample('src/a.ts', 'const a: any = b!; export default a;')]), /any/, /non-null/, /default/);
    finds(shape.looseTypes([sample('holdfast.config.ts', 'export default {};')]));
  });

  test('the environment is read in one file', () => {
    passes(shape.environmentReads(modules), 40);
    finds(shape.environmentReads([sample('src/cli/a.ts', 'process.env.HOME;')]), /process.env/);
    finds(shape.environmentReads([sample('src/cli/a.ts', "process['env'];")]), /process.env/);
    finds(shape.environmentReads([sample('src/cli/a.ts', 'const { env } = process;')]), /process.env/);
    finds(shape.environmentReads([sample('src/cli/a.ts', "import { env } from 'node:process';")]), /process.env/);
  });

  test('SQL stays in the store', () => {
    passes(shape.sqlText(modules), 300);
    for (const sql of [
      "'SELECT id FROM turns'",
      '`insert into t values (?)`',
      "'PRAGMA user_version'",
      "'delete from turns where id = ?'",
    ]) {
      finds(shape.sqlText([sample('src/http/a.ts', `run(${sql});`)]), /SQL/);
    }
    finds(shape.sqlText([sample('src/http/a.ts', "say('Select a session from the list below', 'begin again');")]), /SQL/);
    finds(shape.sqlText([sample('src/store/a.ts', "run('SELECT id FROM turns');")]));
  });

  test('modules hold no state', () => {
    passes(shape.moduleState(modules), 50);
    const held = (body: string) => shape.moduleState([sample('src/http/a.ts', body)]);
    finds(held('let count = 0;'), /let/);
    finds(held('export const seen = new Map();'), /mutable/);
    finds(held("const cache = new Set(['a']); export const add = (x) => cache.add(x);"), /mutable/);
    finds(held('const list = []; const box = { n: 1 }; export const up = () => { box.n += 1; };'), /list/, /box/);
    finds(held('export class A { static count = 0; }'), /static/);
    finds(held("const known = new Set(['a']); const NAMES = ['x']; const TABLE = { a: 1 }; export const has = (x) => known.has(x);"));
  });
});

describe('text', () => {
  test('names are kebab-case and say something', () => {
    const paths = code.map((file) => file.path);
    passes(text.fileNames(paths), 80);
    passes(text.exportedNames(ours), 150);
    finds(text.fileNames(['src/base/camelCase.ts']), /kebab/);
    finds(text.fileNames(['src/utils/a.ts', 'src/http/session-manager.ts']), /utils/, /manager/);
    finds(text.fileNames(['src/a/b/c/d.ts']), /two deep/);
    finds(text.exportedNames([sample('src/a.ts', 'export class SessionManager {}')]), /SessionManager/);
  });

  test('no file carries a trace of a machine, a registry or a key', () => {
    passes(text.traces(written), 100);
    const planted = (body: string) => text.traces([{ path: 'a.md', text: body } satisfies Source]);
    finds(planted(`see ${'/ho'}me/someone/x`), /machine/);
    finds(planted(`"https://registry.${'npmjs'}.org/a"`), /registry/);
    finds(planted(`key ${'AI'}za${'x'.repeat(35)}`), /API key/);
    finds(planted('GET /v1/home and `./root`'));
  });

  test('documents keep their limits and name files that exist', () => {
    passes(text.documents(markdown, exists), 10);
    finds(text.documents([{ path: 'README.md', text: 'x'.repeat(8_193) }], exists), /at most 8192/);
    finds(text.documents([{ path: 'AGENTS.md', text: '\n'.repeat(101) }], exists), /at most 100/);
    finds(text.documents([{ path: 'docs/a.md', text: 'see `src/nowhere/gone.ts`' }], exists), /does not exist/);
  });

  test('every production dependency has its reason and an exact version', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
    passes(text.dependencyReasons(manifest, decisions.map((file) => file.text).join('\n')), 5);
    finds(text.dependencyReasons({ dependencies: { left: '^1.0.0' } }, '| `right` | why |'), /no reason/, /no dependency/, /not pinned/);
  });

  test('the lockfile is whole on every platform', () => {
    passes(text.lockfile(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))), 50);
    const lock = {
      packages: { 'node_modules/a': { optionalDependencies: { 'a-mac': '1.0.0', 'a-linux': '1.0.0' } }, 'node_modules/a-linux': {} },
    };
    finds(text.lockfile(lock), /a-mac/);
    finds(text.lockfile({ packages: { 'node_modules/b': { resolved: 'https://somewhere/b.tgz' } } }), /place/);
  });
});
