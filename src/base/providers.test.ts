// Which models there are: keys, addresses, names, and what an author hands in.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Env, loadConfig } from './config.ts';
import { ConfigError } from './errors.ts';

const SECRET = 'sk-very-secret-canary';

/** A folder with these files; every load is from there. */
function project(files: Record<string, string> = {}) {
  const cwd = mkdtempSync(join(tmpdir(), 'holdfast-providers-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  const load = (env: Env = {}) => loadConfig({ env, cwd });
  const refusal = (env: Env = {}): Promise<string> =>
    load(env).then(
      () => 'accepted',
      (error: unknown) => (error instanceof ConfigError ? `${error.message}\n${error.fix}` : String(error)),
    );
  return { load, refusal };
}

describe('providers', () => {
  it('are those whose key or address is known', async () => {
    const { load } = project({ key: 'sk-from-a-file' });
    const names = async (env: Record<string, string>) => Object.keys((await load(env)).config.others);
    expect(await names({})).toEqual(['ollama']);
    expect(await names({ OPENAI_API_KEY_FILE: 'key', ANTHROPIC_API_KEY: SECRET })).toEqual(['openai', 'anthropic', 'ollama']);
    // A server of one's own needs no key.
    expect(await names({ OPENAI_BASE_URL: 'http://127.0.0.1:1234/v1' })).toEqual(['openai', 'ollama']);
    expect(await names({ OPENAI_COMPATIBLE_BASE_URL: 'https://models.example/v1' })).toEqual(['compatible', 'ollama']);
    expect((await load({ OPENAI_API_KEY_FILE: 'key' })).config.others.openai?.apiKey?.reveal()).toBe('sk-from-a-file');
  });

  it('speak Responses at OpenAI’s own address, Chat Completions elsewhere, unless told otherwise', async () => {
    const { load } = project();
    const api = async (env: Record<string, string>) => (await load({ OPENAI_API_KEY: SECRET, ...env })).config.others.openai?.api;
    expect(await api({})).toBe('responses');
    expect(await api({ OPENAI_BASE_URL: 'https://eu.api.openai.com/v1/' })).toBe('responses');
    expect(await api({ OPENAI_BASE_URL: 'https://notopenai.com/v1' })).toBe('chat');
    expect(await api({ OPENAI_BASE_URL: 'https://gateway.example/v1', HOLDFAST_OPENAI_API: 'responses' })).toBe('responses');
    expect(await api({ HOLDFAST_OPENAI_API: 'chat' })).toBe('chat');
  });

  it.each([
    ['', 'http://127.0.0.1:11434'],
    ['0.0.0.0', 'http://127.0.0.1:11434'],
    ['gpu-box', 'http://gpu-box:11434'],
    ['gpu-box:8080', 'http://gpu-box:8080'],
    ['gpu-box:80', 'http://gpu-box'],
    ['[::1]:9000', 'http://[::1]:9000'],
    ['https://ollama.example', 'https://ollama.example'],
    ['http://gpu-box:11434/', 'http://gpu-box:11434'],
  ])('finds Ollama where its own tools would: %s', async (text, address) => {
    expect((await project().load({ OLLAMA_HOST: text })).config.others.ollama?.baseUrl).toBe(address);
  });

  it('give the usual model of the first key when none is named', async () => {
    const { load } = project();
    const models = async (env: Record<string, string>) => (await load(env)).config.models;
    expect(await models({ OPENAI_API_KEY: SECRET })).toEqual(['openai/gpt-6-luna']);
    expect(await models({ ANTHROPIC_API_KEY: SECRET })).toEqual(['anthropic/claude-haiku-5-5']);
    expect(await models({ ANTHROPIC_API_KEY: SECRET, GEMINI_API_KEY: SECRET })).toEqual(['gemini/gemini-flash-latest']);
    const { sources } = await load({ OPENAI_API_KEY: SECRET });
    expect(sources.find(({ name }) => name === 'HOLDFAST_MODELS')).toMatchObject({ value: 'openai/gpt-6-luna', source: 'default' });
  });

  it('may be named with models of every spelling', async () => {
    const names = [
      'ollama/llama3.2:3b',
      'compatible/meta-llama/llama-3-70b:free',
      'ollama/hf.co/org/model.gguf:q4',
      'compatible/@cf/meta/llama',
    ];
    expect(
      (await project().load({ OPENAI_COMPATIBLE_BASE_URL: 'http://x.example', HOLDFAST_MODELS: names.join(', ') })).config.models,
    ).toEqual(names);
    expect(await project().refusal({ HOLDFAST_MODELS: 'antropic/claude' })).toMatch(/does not have.*Did you mean anthropic/);
    for (const wrong of ['openai/', 'openai//x', 'openai/../x/', 'Open AI/x'])
      expect(await project().refusal({ HOLDFAST_MODELS: wrong })).toContain('HOLDFAST_MODELS');
  });
});

describe('an author', () => {
  const agent = (body: string) => project({ 'holdfast.config.ts': body });

  it('may hand in models of the AI SDK under names of its own', async () => {
    const own = "const model = { specificationVersion: 'v4', provider: 'mine', modelId: 'large', doStream() {} };\n";
    expect((await agent(`${own}export default { models: { 'mine/large': model } };`).load()).config.models).toEqual(['mine/large']);
    const both = agent(`${own}export default { models: ['gemini/a', { 'mine/large': model, 'mine/org/small': model }] };`);
    expect((await both.load()).config.models).toEqual(['gemini/a', 'mine/large', 'mine/org/small']);
    expect((await both.load({ HOLDFAST_MODELS: 'mine/large' })).config.models).toEqual(['mine/large']);
    expect(await both.refusal({ HOLDFAST_MODELS: 'mine/huge' })).toContain('mine/large, mine/org/small');
  });

  it.each([
    ["{ 'mine/large': 'openai/gpt' }", /models\['mine\/large'\] is not a language model of the AI SDK/],
    ["{ 'mine/large': () => 1 }", /is a provider, not a model/],
    ["{ 'mine/large': { specificationVersion: 'v9', doStream() {} } }", /version of the AI SDK's interface/],
    ["{ large: { specificationVersion: 'v4', doStream() {} } }", /needs a name such as mine\/large/],
    ["{ 'openai/x': { specificationVersion: 'v4', doStream() {} } }", /choose another word than openai/],
    ["{ 'demo/x': { specificationVersion: 'v4', doStream() {} } }", /choose another word than demo/],
    ['[1]', /neither a list/],
  ])('hands in what is no model: %s', async (models, said) => {
    expect(await agent(`export default { models: ${models} };`).refusal()).toMatch(said);
  });
});

describe('models', () => {
  it('are the demo in development without a key, when nobody named any', async () => {
    const { load } = project();
    const { config, sources } = await load();
    expect(config.models).toEqual(['demo']);
    expect(sources.find(({ name }) => name === 'HOLDFAST_MODELS')).toMatchObject({
      value: 'demo',
      source: 'default',
      note: 'no model key found (GEMINI_API_KEY, OPENAI_API_KEY, ANTHROPIC_API_KEY)',
    });
  });

  it('that were named are never replaced: with none that can be called there is no start', async () => {
    const { refusal, load } = project();
    const said = await refusal({ HOLDFAST_MODELS: 'gemini/x' });
    expect(said).toContain('HOLDFAST_MODELS asks for gemini, and GEMINI_API_KEY is missing.');
    expect(said).toContain('GEMINI_API_KEY=…');
    expect(await refusal({ HOLDFAST_MODELS: 'openai/a,anthropic/b' })).toContain('OPENAI_API_KEY and ANTHROPIC_API_KEY are missing');
    const inFile = project({ 'holdfast.config.ts': "export default { models: ['gemini/x'] };" });
    expect(await inFile.refusal()).toContain('models in the config file asks for gemini');
    const { config, warnings, sources } = await load({ HOLDFAST_MODELS: 'gemini/x,ollama/y' });
    expect(config.models).toEqual(['gemini/x', 'ollama/y']);
    expect(warnings.map(({ problem }) => problem)).toEqual([
      'HOLDFAST_MODELS names gemini/x, which is passed over: GEMINI_API_KEY is missing',
    ]);
    expect(sources.find(({ name }) => name === 'HOLDFAST_MODELS')).toMatchObject({ value: 'gemini/x,ollama/y', source: 'environment' });
  });

  it('are those named once there is a key', async () => {
    const { load } = project();
    expect((await load({ GOOGLE_API_KEY: SECRET })).config.models).toEqual(['gemini/gemini-flash-latest']);
    expect((await load({ GEMINI_API_KEY: SECRET, HOLDFAST_MODELS: 'gemini/a, demo' })).config.models).toEqual(['gemini/a', 'demo']);
  });
});
