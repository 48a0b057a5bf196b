import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConfigInput, loadClientConfig, loadConfig, publicConfig } from './config.ts';
import { renderEnvExample } from './env-example.ts';
import { ConfigError } from './errors.ts';
import { knownNames, SETTING_KEYS, settingOf } from './settings.ts';

const MASTER_KEY = Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 37 + 11) & 0xff)).toString('base64');
const ADMIN_KEY = 'hf_0123456789abcdefghijklmnopqrstuv';
const SECRET = 'AIzaVerySecretCanary123';

const folder = () => mkdtempSync(join(tmpdir(), 'holdfast-config-'));

/** A folder with these files; every load is from there. */
function project(files: Record<string, string | Buffer> = {}) {
  const cwd = folder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  const load = (env: ConfigInput['env'] = {}, flags: ConfigInput['flags'] = {}) => loadConfig({ env, cwd, flags });
  const refusal = async (env: ConfigInput['env'] = {}, flags: ConfigInput['flags'] = {}): Promise<string> => {
    try {
      await load(env, flags);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      expect(error.fix).not.toBe('');
      return `${error.message}\n${error.fix}`;
    }
    throw new Error('the settings were accepted');
  };
  return { cwd, load, refusal };
}

describe('precedence', () => {
  it('lets flags win over the environment, the environment over .env, .env over the config file, and all over the default', async () => {
    const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });
    const given = fc.record({ flag: port, environment: port, dotenv: port, file: port });
    await fc.assert(
      fc.asyncProperty(given, async ({ flag, environment, dotenv, file }) => {
        const { cwd, load } = project({
          '.env': dotenv === undefined ? '' : `PORT=${dotenv}\n`,
          ...(file === undefined ? {} : { 'holdfast.config.mjs': `export default { settings: { PORT: ${file} } };` }),
        });
        const { config, sources } = await load(
          { ...(environment === undefined ? {} : { PORT: String(environment) }), HOLDFAST_HOME: join(cwd, 'home'), DASHBOARD_PORT: '0' },
          flag === undefined ? {} : { port: String(flag) },
        );
        expect(config.port).toBe(flag ?? environment ?? dotenv ?? file ?? 8000);
        const won = [flag, environment, dotenv, file].findIndex((value) => value !== undefined);
        const names = ['flag', 'environment', '.env', 'config file', 'default'];
        expect(sources.find(({ name }) => name === 'PORT')?.source).toBe(names.at(won));
      }),
      { numRuns: 40 },
    );
  });

  it('takes an empty value for one that is not set', async () => {
    const { load } = project({ '.env': 'PORT=9001\nGEMINI_API_KEY=\n' });
    const { config } = await load({ PORT: '', GEMINI_API_KEY: '  ' });
    expect(config.port).toBe(9001);
    expect(config.gemini.apiKey).toBeUndefined();
  });

  it('does not complain about a bad value that a stronger source replaces', async () => {
    const { load } = project({ '.env': 'PORT=nonsense\n' });
    expect((await load({ PORT: '9002' })).config.port).toBe(9002);
  });

  it('knows whether the dashboard port was asked for', async () => {
    const { load } = project();
    expect((await load()).config.dashboardPortIsDefault).toBe(true);
    expect((await load({ DASHBOARD_PORT: '3000' })).config.dashboardPortIsDefault).toBe(false);
  });
});

describe('.env', () => {
  it('is read with a byte order mark and Windows line ends', async () => {
    const { load } = project({ '.env': '\uFEFFPORT=9100\r\n# a comment\r\nHOLDFAST_STEPS_MAX="5"\r\nexport LOG_LEVEL=warn\r\n' });
    const { config } = await load();
    expect([config.port, config.stepsMax, config.logLevel]).toEqual([9100, 5, 'warn']);
  });

  it('may hold names of other tools, but not near misses of ours', async () => {
    expect(
      (await project({ '.env': 'MY_APP_TOKEN=x\nSORT=asc\nSMTP_PORT=25\nHOLDFAST_SOMETHING_ELSE_ENTIRELY=1\n' }).load()).config.port,
    ).toBe(8000);
    for (const [slip, meant] of [
      ['GEMINI_API_KEYS', 'GEMINI_API_KEY'],
      ['GEMINI_KEY', 'GEMINI_API_KEY'],
      ['gemini_api_key', 'GEMINI_API_KEY'],
      ['HOLDFAST_MODLES', 'HOLDFAST_MODELS'],
      ['PROT', 'PORT'],
      ['HOLDFAST_MASTERKEY', 'HOLDFAST_MASTER_KEY'],
    ]) {
      const said = await project({ '.env': `${slip}=${SECRET}\n` }).refusal();
      expect(said).toContain(`${slip} in .env is not a setting. Did you mean ${meant}`);
      expect(said).not.toContain(SECRET);
    }
  });

  it('is refused when a name is set twice, or when it is not UTF-8', async () => {
    expect(await project({ '.env': 'PORT=1\nX=2\nPORT=3\n' }).refusal()).toContain('PORT is set more than once in .env (lines 1, 3)');
    expect(await project({ '.env': Buffer.from('PORT=8000', 'utf16le') }).refusal()).toContain('UTF-8');
  });

  it('is refused when a line meant as a setting sets nothing; other such lines are warned about', async () => {
    for (const line of [
      `GEMINI_API_KEY: ${SECRET}`,
      `GEMINI_API_KEY ${SECRET}`,
      `GEMINI_API_KEYS: ${SECRET}=`,
      `$env:GEMINI_API_KEY="${SECRET}"`,
    ]) {
      const said = await project({ '.env': `# keys\n${line}\n` }).refusal();
      expect(said).toContain('line 2 of .env sets nothing: GEMINI_API_KEY must be written as GEMINI_API_KEY=value');
      expect(said).not.toContain(SECRET);
    }
    const text = `MY_PEM="-----BEGIN\nPORT: inside quotes\n-----END"\n\nremember the milk\nPORT=9000\n`;
    const { config, warnings } = await project({ '.env': text }).load();
    expect(config.port).toBe(9000);
    expect(warnings.map(({ problem }) => problem)).toEqual(['line 5 of .env sets nothing and is ignored']);
  });

  it('is refused when it is a folder', async () => {
    const { cwd, refusal } = project();
    mkdirSync(join(cwd, '.env'));
    expect(await refusal()).toContain('.env cannot be read (EISDIR)');
  });
});

describe('names', () => {
  it('refuses unknown HOLDFAST_ names in the environment and guesses what was meant', async () => {
    const { refusal } = project();
    expect(await refusal({ HOLDFAST_DEADLINE: '5' })).toContain(
      'HOLDFAST_DEADLINE in the environment is not a setting. Did you mean HOLDFAST_DEADLINE_MS',
    );
    expect(await refusal({ HOLDFAST_QQQQQQQQQQ: '5' })).toContain('HOLDFAST_QQQQQQQQQQ');
    expect(await refusal({ HOLDFAST_DASHBOARD_PORT: '5' })).toContain('HOLDFAST_DASHBOARD_PORT');
  });

  it('passes over what Kubernetes sets for a service called holdfast', async () => {
    const { load } = project();
    const injected = {
      HOLDFAST_SERVICE_HOST: '10.0.0.1',
      HOLDFAST_SERVICE_PORT_HTTP: '80',
      HOLDFAST_PORT: 'tcp://10.0.0.1:80',
      HOLDFAST_PORT_80_TCP_ADDR: '10.0.0.1',
      HOLDFAST_API_SERVICE_HOST: '10.0.0.2',
      HOLDFAST_API_PORT: 'tcp://10.0.0.2:80',
    };
    expect((await load(injected)).config.port).toBe(8000);
  });

  it('finds every setting by each of its names', () => {
    for (const key of SETTING_KEYS) for (const name of settingOf(key).names) expect(knownNames()).toContain(name);
    expect(new Set(SETTING_KEYS.flatMap((key) => settingOf(key).names)).size).toBe(
      SETTING_KEYS.flatMap((key) => settingOf(key).names).length,
    );
  });
});

describe('values', () => {
  const cases: [string, string][] = [
    ['PORT', '-1'],
    ['PORT', '65536'],
    ['PORT', '80.5'],
    ['PORT', '0x50'],
    ['PORT', '1e3'],
    ['PORT', '９０'],
    ['HOST', 'http://localhost'],
    ['HOST', '256.1.1.1'],
    ['AGENT_ENV', 'staging'],
    ['LOG_LEVEL', 'loud'],
    ['HOLDFAST_TRUST_PROXY', 'maybe'],
    ['HOLDFAST_DEADLINE_MS', '60s'],
    ['HOLDFAST_DEADLINE_MS', '0'],
    ['HOLDFAST_MODELS', 'gpt'],
    ['HOLDFAST_MODELS', 'acme/some-model'],
    ['HOLDFAST_MODELS', 'demo,demo'],
    ['HOLDFAST_MODELS', ','],
    ['HOLDFAST_PUBLIC_URL', 'ftp://x'],
    ['HOLDFAST_PUBLIC_URL', 'https://user:pw@x'],
    ['GOOGLE_GEMINI_BASE_URL', 'not an address'],
    ['HOLDFAST_ALLOWED_HOSTS', 'a b'],
    ['HOLDFAST_ADMIN_KEY', 'short'],
    ['HOLDFAST_ADMIN_KEY', 'a'.repeat(64)],
    ['HOLDFAST_MASTER_KEY', 'c2hvcnQ='],
    ['HOLDFAST_MASTER_KEY', Buffer.alloc(32).toString('base64')],
    ['HOLDFAST_MASTER_KEY', Buffer.from('correct horse battery staple 123').toString('base64')],
    ['GEMINI_API_KEY', 'your-actual-key-here'],
    ['GEMINI_API_KEY', '<key>'],
    ['GEMINI_API_KEY', 'two words'],
    ['GEMINI_API_KEY', 'line\nbreak'],
    ['DATABASE_URL', 'mysql://x'],
    ['DATABASE_URL', 'postgres://u:p@h/db'],
    ['HOLDFAST_HISTORY_MESSAGES', '0'],
    ['HOLDFAST_HOME', '.'],
    ['HOLDFAST_HOME', '/'],
    ['HOLDFAST_HOME', homedir()],
  ];
  it.each(cases)('refuses %s=%s by name and never quotes it', async (name, value) => {
    const said = await project().refusal({ [name]: value });
    expect(said).toContain(name);
    if (value.length > 4 && value !== homedir()) expect(said).not.toContain(value);
  });

  it('reports everything that is wrong at once', async () => {
    const said = await project({ '.env': 'LOG_LEVLE=x\n' }).refusal({
      PORT: 'x',
      HOST: '0.0.0.0',
      HOLDFAST_MODELLS: 'y',
      AGENT_ENV: 'production',
    });
    for (const name of ['LOG_LEVLE', 'PORT', 'HOST', 'HOLDFAST_MODELLS', 'HOLDFAST_MASTER_KEY', 'no model has a key'])
      expect(said).toContain(name);
    expect(said).toContain('holdfast config validate');
  });

  it('takes the home as a path from the working folder, and ~ as in a shell', async () => {
    const { cwd, load } = project();
    expect((await load()).config.home).toBe(join(cwd, '.holdfast'));
    expect((await load({ HOLDFAST_HOME: '~/holdfast-data' })).config.home).toBe(join(homedir(), 'holdfast-data'));
  });
});

describe('secrets', () => {
  it('are read from NAME_FILE, without the line end', async () => {
    const { cwd, load } = project({ key: `${SECRET}\r\n` });
    const { config } = await load({ GEMINI_API_KEY_FILE: 'key' });
    expect(config.gemini.apiKey?.reveal()).toBe(SECRET);
    expect((await load({ GOOGLE_API_KEY_FILE: join(cwd, 'key') })).config.gemini.apiKey?.reveal()).toBe(SECRET);
  });

  it('are refused when given both ways, or when the file cannot be read, is empty or too large', async () => {
    const { refusal } = project({ empty: '\n', large: 'x'.repeat(70_000), key: SECRET });
    expect(await refusal({ GEMINI_API_KEY: SECRET, GEMINI_API_KEY_FILE: 'key' })).toContain(
      'GEMINI_API_KEY and GEMINI_API_KEY_FILE are both set',
    );
    expect(await refusal({ GEMINI_API_KEY_FILE: 'empty' })).toContain('is empty');
    expect(await refusal({ GEMINI_API_KEY_FILE: 'large' })).toContain('larger');
    const said = await refusal({ GEMINI_API_KEY_FILE: `/${SECRET}` });
    expect(said).toContain('ENOENT');
    expect(said).not.toContain(SECRET);
  });

  it('appear nowhere in what is printed', async () => {
    const { load } = project({ '.env': `HOLDFAST_ADMIN_KEY=${ADMIN_KEY}\n` });
    const loaded = await load({ GEMINI_API_KEY: SECRET, HOLDFAST_MASTER_KEY: MASTER_KEY, HOLDFAST_API_KEY: `${SECRET}2` });
    const printed = JSON.stringify([loaded, publicConfig(loaded.sources)]);
    for (const secret of [SECRET, ADMIN_KEY, MASTER_KEY]) expect(printed).not.toContain(secret);
    expect(publicConfig(loaded.sources)).toMatchObject({ GEMINI_API_KEY: '[secret]', HOLDFAST_MASTER_KEY: '[secret]', PORT: '8000' });
    expect(loaded.config.masterKey?.reveal()).toBe(MASTER_KEY);
  });
});

describe('what is in force', () => {
  it('names the whole path of the home, and the key file that opens it', async () => {
    const { cwd, load } = project();
    const shown = async (name: string) => (await load()).sources.find((source) => source.name === name);
    expect(await shown('HOLDFAST_HOME')).toMatchObject({ value: join(cwd, '.holdfast'), source: 'default' });
    expect(await shown('HOLDFAST_MASTER_KEY')).toMatchObject({ value: null, source: 'unset' });
    mkdirSync(join(cwd, '.holdfast', 'keys'), { recursive: true });
    writeFileSync(join(cwd, '.holdfast', 'keys', 'master.key'), MASTER_KEY);
    expect(await shown('HOLDFAST_MASTER_KEY')).toMatchObject({ value: '[secret]', source: 'default', note: 'the file keys/master.key' });
  });
});

describe('production', () => {
  const safe = { AGENT_ENV: 'production', HOLDFAST_MASTER_KEY: MASTER_KEY, GEMINI_API_KEY: SECRET };

  it('starts with an explicit master key and a real model', async () => {
    expect((await project().load(safe)).config.env).toBe('production');
  });

  it('refuses to run without a master key, without a model key, or on the demo', async () => {
    const { refusal } = project();
    expect(await refusal({ ...safe, HOLDFAST_MASTER_KEY: undefined })).toContain('HOLDFAST_MASTER_KEY is not set');
    expect(await refusal({ ...safe, GEMINI_API_KEY: undefined })).toContain('no model has a key');
    expect(await refusal({ ...safe, HOLDFAST_MODELS: 'gemini/a,demo' })).toContain('canned');
    expect(await refusal({ ...safe, HOLDFAST_MODELS: 'openai/gpt' })).toContain('OPENAI_API_KEY is missing');
  });

  it('starts with any real model', async () => {
    const { load } = project();
    const bare = { ...safe, GEMINI_API_KEY: undefined };
    expect((await load({ ...bare, OPENAI_API_KEY: SECRET })).config.models).toEqual(['openai/gpt-6-luna']);
    expect((await load({ ...bare, HOLDFAST_MODELS: 'ollama/llama3.2' })).config.models).toEqual(['ollama/llama3.2']);
  });

  it('refuses a master key that lies in the home, also by a symbolic link', async () => {
    const { cwd, refusal, load } = project({ 'outside.key': MASTER_KEY });
    const home = join(cwd, '.holdfast');
    mkdirSync(home);
    writeFileSync(join(home, 'inside.key'), MASTER_KEY);
    symlinkSync(home, join(cwd, 'link'));
    const env = { ...safe, HOLDFAST_MASTER_KEY: undefined };
    expect(await refusal({ ...env, HOLDFAST_MASTER_KEY_FILE: '.holdfast/inside.key' })).toContain('inside HOLDFAST_HOME');
    expect(await refusal({ ...env, HOLDFAST_MASTER_KEY_FILE: 'link/inside.key' })).toContain('inside HOLDFAST_HOME');
    expect((await load({ ...env, HOLDFAST_MASTER_KEY_FILE: 'outside.key' })).config.masterKey?.reveal()).toBe(MASTER_KEY);
    mkdirSync(join(home, 'keys'));
    writeFileSync(join(home, 'keys', 'master.key'), MASTER_KEY);
    expect(await refusal(safe)).toContain('beside the data');
  });
});

describe('the network', () => {
  it('demands an admin key for anything but loopback', async () => {
    const { load, refusal } = project();
    for (const host of ['0.0.0.0', '::', '192.168.1.5', 'example.org'])
      expect(await refusal({ HOST: host })).toContain('HOLDFAST_ADMIN_KEY');
    for (const host of ['127.0.0.1', '127.8.9.1', '::1', '[::1]', 'localhost'])
      expect((await load({ HOST: host })).config.host).toBe(host.replace(/[[\]]/g, ''));
    expect((await load({ HOST: '0.0.0.0', HOLDFAST_ADMIN_KEY: ADMIN_KEY })).config.host).toBe('0.0.0.0');
  });

  it('refuses one port for both listeners', async () => {
    expect(await project().refusal({ PORT: '4000', DASHBOARD_PORT: '4000' })).toContain('DASHBOARD_PORT');
  });
});

describe('the config file', () => {
  const agent = (body: string) => project({ 'holdfast.config.ts': body });

  it('gives models and settings, and hands the rest on as it is', async () => {
    const { load } = agent(
      "const models: string[] = ['gemini/a', 'gemini/b'];\nexport default { name: 'Ada', models, middleware: [{ name: 'a' }], settings: { PORT: 9300, LOG_LEVEL: 'warn' } };",
    );
    const { config, agent: definition } = await load({ GEMINI_API_KEY: SECRET });
    expect(config.models).toEqual(['gemini/a', 'gemini/b']);
    expect([config.port, config.logLevel]).toEqual([9300, 'warn']);
    expect(definition).toMatchObject({ name: 'Ada', middleware: [{ name: 'a' }] });
  });

  it('is checked as an agent: a misspelt part or middleware point is named with what was meant', async () => {
    expect(await agent("export default { instruction: 'x' };").refusal()).toMatch(
      /instruction is not a part of an agent \(did you mean instructions\?\)/,
    );
    expect(await agent("export default { middleware: [{ name: 'a', onrequest() {} }] };").refusal()).toMatch(/did you mean onRequest\?/);
    expect(await agent('export default { tools: 5 };').refusal()).toContain('tools[0]: is not a tool');
  });

  it('may not hold secrets, unknown names, places the command line must know, or models twice', async () => {
    expect(await agent(`export default { settings: { GEMINI_API_KEY: '${SECRET}' } };`).refusal()).toMatch(
      /GEMINI_API_KEY may not be set in holdfast.config.ts[\s\S]*\.env/,
    );
    expect(await agent("export default { settings: { HOLDFAST_HOME: 'x' } };").refusal()).toContain('HOLDFAST_HOME may not be set');
    expect(await agent('export default { settings: { PROT: 1 } };').refusal()).toContain('Did you mean PORT');
    expect(await agent("export default { models: ['demo'], settings: { HOLDFAST_MODELS: 'demo' } };").refusal()).toContain('models twice');
    expect(await agent('export default { models: [5] };').refusal()).toContain('neither a list of provider/model nor');
    expect(await agent('export default { settings: { PORT: {} } };').refusal()).toContain('PORT in holdfast.config.ts');
  });

  it('that breaks is told with its own first line', async () => {
    expect(await agent('const a = 1;\nthrow new Error("boom");\nexport default {};').refusal()).toContain('holdfast.config.ts:2');
    expect(await agent('export default { name: ;').refusal()).toMatch(/holdfast\.config\.ts could not be loaded/);
    expect(await agent("import 'a-package-nobody-has';\nexport default {};").refusal()).toContain('holdfast.config.ts');
    expect(await agent('export const x = 1;').refusal()).toContain('no default export');
  });

  it('is refused when there are two', async () => {
    expect(await project({ 'holdfast.config.ts': 'export default {}', 'holdfast.config.js': 'export default {}' }).refusal()).toContain(
      '2 config files',
    );
  });
});

describe('what the command line needs', () => {
  it('is found without running the config file and in spite of other mistakes', () => {
    const { cwd } = project({ 'holdfast.config.ts': 'throw new Error();', '.env': 'PORT=nonsense\nHOLDFAST_HOME=data\n' });
    const client = loadClientConfig({ cwd, env: { HOLDFAST_URL: 'https://agent.example/', HOLDFAST_API_KEY: SECRET } });
    expect(client.home).toBe(join(cwd, 'data'));
    expect(client.url).toBe('https://agent.example');
    expect(client.apiKey?.reveal()).toBe(SECRET);
  });

  it('refuses a slip in one of its own names', () => {
    const { cwd } = project();
    expect(() => loadClientConfig({ cwd, env: { HOLDFAST_ULR: 'https://x' } })).toThrow(/HOLDFAST_ULR.*Did you mean HOLDFAST_URL/);
    expect(loadClientConfig({ cwd, env: { HOLDFAST_DEADLINE: '1' } }).url).toBeUndefined();
  });
});

describe('.env.example', () => {
  it('is what the settings table says', () => {
    const file = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
    expect(file, 'run: node scripts/generate-env-example.ts').toBe(renderEnvExample());
  });

  it('starts an agent as it is, and with every line taken in', async () => {
    const text = renderEnvExample();
    expect((await project({ '.env': text }).load()).config.models).toEqual(['demo']);
    expect((await project({ '.env': text.replaceAll(/^#([A-Z])/gm, '$1') }).load()).config.port).toBe(8000);
  });
});
