// The script in a real repository, with the real command line, against a real agent.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runProgram } from '../../test/support/cli.ts';
import { type FakeGemini, startFakeGemini } from '../../test/support/fake-gemini/fake-gemini.ts';
import { repository, type ServerProcess, startServer, temporaryFolder } from '../../test/support/server-process.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const HOLDFAST = `${process.execPath} ${join(repository, 'bin/holdfast.js')}`;
let fake: FakeGemini;
let agent: ServerProcess;
let project: string;

beforeEach(async () => {
  fake = await startFakeGemini();
  agent = await startServer({
    env: {
      GEMINI_API_KEY: 'key-of-no-account',
      GOOGLE_GEMINI_BASE_URL: fake.url,
      HOLDFAST_MODELS: 'gemini/fake',
      HOLDFAST_DEADLINE_MS: '5000',
    },
  });
  project = join(temporaryFolder(), 'project');
  mkdirSync(project);
  await git('init', '-q', '-b', 'main');
  writeFileSync(join(project, 'lamp.js'), 'on();\n');
  await git('add', '.');
  await commit('a lamp');
  await git('checkout', '-q', '-b', 'change');
});
afterEach(async () => {
  await agent.stop();
  agent.remove();
  await fake.stop();
});

async function git(...args: string[]): Promise<void> {
  const { code, stderr } = await runProgram(['git', '-C', project, ...args], {});
  expect([code, stderr]).toEqual([0, expect.anything()]);
}
const commit = (message: string) => git('-c', 'user.name=t', '-c', 'user.email=t@example.org', 'commit', '-q', '-am', message);
const review = (env: Record<string, string> = {}) =>
  runProgram(['sh', join(here, 'review.sh')], {
    cwd: project,
    env: { HOLDFAST, HOLDFAST_URL: agent.url, HOLDFAST_API_KEY: agent.token, BASE: 'main', ...env },
  });
const written = () => readFileSync(join(project, 'review.md'), 'utf8');

test('a change is sent whole and its review written down', async () => {
  writeFileSync(join(project, 'lamp.js'), 'off();\n');
  await commit('off');
  fake.setBehaviour({ text: 'lamp.js:1 turns the lamp off.' });
  expect(await review()).toMatchObject({ code: 0, stdout: '' });
  expect(written()).toMatch(/^lamp\.js:1 turns the lamp off\.\n\n<sub>gemini\/fake, turn trn_/);
  const asked = fake.requests[0]?.body().contents?.at(-1)?.parts?.[0]?.text ?? '';
  expect(asked).toMatch(/^Review this change\.[\s\S]*\n\ndiff --git a\/lamp\.js b\/lamp\.js[\s\S]*-on\(\);\n\+off\(\);$/);
});

test('without a model it exits 6, and what it writes says that it is no review', async () => {
  writeFileSync(join(project, 'lamp.js'), 'off();\n');
  fake.setBehaviour({ fault: '503' });
  expect((await review()).code).toBe(6);
  expect(written()).toMatch(/^> \*\*Degraded: this is not a review\.\*\*/);
});

test('nothing is asked when nothing changed, and a failure is one', async () => {
  expect((await review()).code).toBe(0);
  expect([written(), fake.requests.length]).toEqual(['Nothing differs from main.\n', 0]);
  expect((await review({ BASE: 'no-such-branch' })).code).toBe(128);
  writeFileSync(join(project, 'lamp.js'), 'x'.repeat(300_000));
  expect((await review()).code).toBe(1);
  writeFileSync(join(project, 'lamp.js'), 'off();\n');
  expect((await review({ HOLDFAST_API_KEY: 'hf_wrong' })).code).toBe(4);
});

test('the line of the README does it without a script', async () => {
  writeFileSync(join(project, 'lamp.js'), 'off();\n');
  fake.setBehaviour({ text: 'Fine.' });
  const line = `git diff | ${HOLDFAST} chat "Review this change" --json --fail-on-degraded`;
  const { code, stdout } = await runProgram(['sh', '-c', line], {
    cwd: project,
    env: { HOLDFAST_URL: agent.url, HOLDFAST_API_KEY: agent.token },
  });
  expect([code, JSON.parse(stdout).reply]).toEqual([0, 'Fine.']);
  expect(fake.requests[0]?.bodyText).toContain('+off();');
});

test('the workflow is what the script is', () => {
  const workflow = readFileSync(join(here, 'review.yml'), 'utf8');
  expect(workflow).toMatch(/sh scripts\/review\.sh \|\| status=\$\?/);
  for (const name of ['HOLDFAST_URL', 'HOLDFAST_API_KEY', 'BASE']) expect(readFileSync(join(here, 'review.sh'), 'utf8')).toContain(name);
});
