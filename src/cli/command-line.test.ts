// The command line as a process: exit codes, pipes, escape bytes, mistakes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createCliTest } from '../../test/support/cli-context.ts';
import { processEnv } from '../base/config.ts';
import { homePaths } from '../base/home.ts';

const program = fileURLToPath(new URL('./main.ts', import.meta.url));
const launcher = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));
const { PATH } = processEnv();
const SECRET = 'AIzaVerySecretCanary123';
// biome-ignore lint/suspicious/noControlCharactersInRegex: looking for them
const ESCAPES = /[\u001b\u009b]/;

function folder(files: Record<string, string> = {}) {
  const cwd = mkdtempSync(join(tmpdir(), 'holdfast-line-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  return cwd;
}

interface Options {
  cwd?: string;
  env?: Record<string, string>;
  script?: string;
}

function launch(argv: string[], { cwd = folder(), env = {}, script = program }: Options = {}) {
  return spawn(process.execPath, [script, ...argv], { cwd, env: { PATH, FORCE_COLOR: '3', ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
}

async function run(argv: string[], options: Options = {}) {
  const child = launch(argv, options);
  child.stdin.end();
  let out = '';
  let err = '';
  child.stdout.on('data', (piece) => {
    out += piece;
  });
  child.stderr.on('data', (piece) => {
    err += piece;
  });
  const [exit] = await once(child, 'close');
  expect(out + err, 'never an escape byte in a pipe').not.toMatch(ESCAPES);
  return { exit, out, err };
}

const entry = (number: number, more: object = {}) => {
  const time = new Date(Date.UTC(2026, 0, 1) + number * 1000).toISOString();
  return `${JSON.stringify({ level: 'info', time, event: 'turn.end', count: number, ...more })}\n`;
};

function withLog(text: string) {
  const cwd = folder();
  const { logs, log } = homePaths(join(cwd, '.holdfast'));
  mkdirSync(logs, { recursive: true });
  writeFileSync(log, text);
  return { cwd, log };
}

describe('a mistake on the command line', () => {
  it.each([
    ['strat', 'Did you mean start', 'Fix: npx holdfast start'],
    ['stauts', 'Did you mean status', 'Fix: npx holdfast status'],
    ['sessions lst', 'Did you mean list', 'Fix: npx holdfast sessions list'],
    ['status --jsno', 'Did you mean --json', 'Fix: npx holdfast status --json'],
    ['chat --fial-on-degraded x', 'Did you mean --fail-on-degraded', 'Fix: npx holdfast chat'],
    ['status -v', 'Unknown option', 'Fix: npx holdfast status --help'],
    ['status extra', 'Too many arguments', 'Fix: npx holdfast status --help'],
    ['sessions delete', 'Missing required argument', 'Fix: npx holdfast sessions delete --help'],
    ['start --port', 'argument missing', 'Fix: npx holdfast start --help'],
    ['stop --timeout soon', '--timeout must be a duration', 'Fix: '],
    ['logs -n many', '--lines must be', 'Fix: '],
    ['logs --level loud', '--level must be', 'Fix: '],
    ['frobnicate', 'Unknown command', 'Fix: npx holdfast --help'],
    ['dashbord', 'Did you mean dashboard', 'Fix: npx holdfast dashboard'],
    ['keys craete', 'Did you mean create', 'Fix: npx holdfast keys create'],
    ['keys create a b', 'Too many arguments', 'Fix: npx holdfast keys create --help'],
    [
      'keys create a --role amdin',
      '--role must be client or admin. Did you mean admin',
      'Fix: npx holdfast keys create <name> --role admin',
    ],
    ['keys create a --expires never', '--expires must be a duration', 'Fix: '],
    ['keys revoke', 'Missing required argument', 'Fix: npx holdfast keys revoke --help'],
  ])('%s: exit 2, what was meant and what to do', async (line, guess, fix) => {
    const { exit, out, err } = await createCliTest().run(...line.split(' '));
    expect([exit, out]).toEqual([2, '']);
    expect(err).toContain(guess);
    expect(err).not.toMatch(ESCAPES);
    expect(err).toContain(fix);
    expect(err).not.toMatch(/^\s+at /m);
  });

  it('ends the process with exit 2', async () => {
    expect((await run(['strat'])).exit).toBe(2);
  });

  it('is one JSON document with --json', async () => {
    const { exit, out } = await run(['sessions', 'show', 'a', 'b', '--json']);
    expect(exit).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'usage' } });
  });

  it('shows a stack only with --debug', async () => {
    const files = { 'holdfast.config.ts': 'throw new Error("own");' };
    expect((await run(['config', 'validate'], { cwd: folder(files) })).err).not.toMatch(/^\s+at /m);
    expect((await run(['config', 'validate', '--debug'], { cwd: folder(files) })).err).toMatch(/^\s+at /m);
  });
});

describe('help and version', () => {
  it('come on stdout, exit 0', async () => {
    for (const argv of [[], ['--help'], ['help', 'chat'], ['chat', '--help']]) expect(await run(argv)).toMatchObject({ exit: 0, err: '' });
    for (const argv of [['--version'], ['-v'], ['version']]) expect((await run(argv)).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(JSON.parse((await run(['version', '--json'])).out)).toMatchObject({ node: process.version });
  });

  it('name no verb that is not there yet', async () => {
    const { out } = await run(['--help']);
    for (const verb of ['drill', 'migrate', 'copy', 'completion']) expect(out).not.toMatch(new RegExp(`^  ${verb}`, 'm'));
  });
});

describe('openapi', () => {
  it('prints the document without an agent', async () => {
    for (const argv of [['openapi'], ['openapi', '--json']]) {
      const { exit, out, err } = await run(argv);
      expect([exit, err]).toEqual([0, '']);
      expect(JSON.parse(out)).toMatchObject({ openapi: '3.1.1', paths: { '/v1/chat': { post: { operationId: 'chat' } } } });
    }
  });
});

describe('config', () => {
  it('shows what won and where from, without secrets', async () => {
    const cwd = folder({ '.env': `GEMINI_API_KEY=${SECRET}\nPORT=9000\n` });
    const { exit, out, err } = await run(['config', 'show', '--sources'], { cwd, env: { LOG_LEVEL: 'warn' } });
    expect([exit, err]).toEqual([0, '']);
    expect(out).toMatch(/^PORT +9000 +\.env$/m);
    expect(out).toMatch(/^LOG_LEVEL +warn +environment$/m);
    expect(out).toMatch(/^GEMINI_API_KEY +\[secret\] +\.env$/m);
    expect(out).not.toContain(SECRET);
    expect(JSON.parse((await run(['config', 'show', '--json'], { cwd })).out)).toMatchObject({
      PORT: '9000',
      GEMINI_API_KEY: '[secret]',
      DATABASE_URL: null,
    });
  });

  it('is valid or names everything that is wrong, exit 78', async () => {
    expect((await run(['config', 'validate'])).out).toContain('valid');
    const partly = await run(['config', 'validate'], { env: { HOLDFAST_MODELS: 'gemini/x,ollama/y' } });
    expect(partly).toMatchObject({ exit: 0, err: expect.stringContaining('gemini/x, which is passed over: GEMINI_API_KEY is missing') });
    const inVain = await run(['start'], { env: { HOLDFAST_MODELS: 'gemini/x' } });
    expect(inVain).toMatchObject({ exit: 78, err: expect.stringContaining('asks for gemini, and GEMINI_API_KEY is missing') });
    const { exit, err } = await run(['config', 'validate'], { env: { PORT: 'x', HOLDFAST_MODLES: SECRET } });
    expect(exit).toBe(78);
    expect(err).toMatch(/2 things are wrong[\s\S]*HOLDFAST_MODLES[\s\S]*PORT/);
    expect(err).not.toContain(SECRET);
  });
});

describe('logs', () => {
  it('are readable lines in a pipe, and as they are with --json', async () => {
    const { cwd } = withLog(`torn${entry(1)}${entry(2, { code: 'a b\u001b[31m', sessionId: 'ses_x' })}`);
    const { out } = await run(['logs'], { cwd });
    expect(out.split('\n')).toHaveLength(3);
    expect(out).toMatch(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO {2}turn\.end count=2 code="a b\\u001b\[31m" sessionId=ses_x\n$/);
    expect((await run(['logs', '--json', '-n', '1'], { cwd })).out).toBe(entry(2, { code: 'a b\u001b[31m', sessionId: 'ses_x' }));
  });

  it('are filtered by level, time, session and turn', async () => {
    const lines = [
      entry(1),
      entry(2, { level: 'warn', sessionId: 'ses_a' }),
      entry(3, { level: 'error', turnId: 'trn_a' }),
      entry(4, { sessionId: 'ses_a' }),
    ];
    const { cwd } = withLog(lines.join(''));
    const counts = async (...flags: string[]) =>
      (await run(['logs', '--json', ...flags], { cwd })).out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { count: number }).count);
    expect(await counts('--level', 'warn')).toEqual([2, 3]);
    expect(await counts('--session', 'ses_a')).toEqual([2, 4]);
    expect(await counts('--turn', 'trn_a')).toEqual([3]);
    expect(await counts('--since', '2026-01-01T00:00:03Z')).toEqual([3, 4]);
    expect(await counts('--session', 'ses_a', '-n', '1')).toEqual([4]);
  });

  it('survive a reader that goes away, as head -1 does', async () => {
    const { cwd } = withLog(Array.from({ length: 20_000 }, (_, index) => entry(index)).join(''));
    const child = launch(['logs', '-n', '20000'], { cwd });
    let err = '';
    child.stderr.on('data', (piece) => {
      err += piece;
    });
    await once(child.stdout, 'data');
    child.stdout.destroy();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(err).toBe('');
  });

  it('of nothing say what to do', async () => {
    const { exit, err } = await run(['logs']);
    expect(exit).toBe(1);
    expect(err).toMatch(/no log yet[\s\S]*Fix: npx holdfast start/);
  });
});

describe('the launcher', () => {
  it('says the version within a moment and without the bundle', async () => {
    expect(await run(['--version'], { script: launcher })).toMatchObject({ exit: 0, err: '' });
    const bare = folder({ 'package.json': '{"version":"1.2.3","type":"module"}' });
    mkdirSync(join(bare, 'bin'));
    copyFileSync(launcher, join(bare, 'bin/holdfast.js'));
    const script = join(bare, 'bin/holdfast.js');
    expect((await run(['version'], { script })).out).toBe('1.2.3\n');
    expect(await run(['status'], { script })).toEqual({
      exit: 78,
      out: '',
      err: 'holdfast: it is not built yet. Fix: npm ci && npm run build\n',
    });
  });

  it('tells an old Node in one line what to do', async () => {
    const old = folder({ 'old.mjs': "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } });\n" });
    const child = spawn(process.execPath, ['--import', join(old, 'old.mjs'), launcher, 'status'], { cwd: old, env: { PATH } });
    let err = '';
    child.stderr.on('data', (piece) => {
      err += piece;
    });
    expect((await once(child, 'close'))[0]).toBe(78);
    expect(err).toMatch(/^holdfast: Node 20\.1\.0 is too old, 24 or newer is needed\. Fix: [^\n]+\n$/);
  });
});
