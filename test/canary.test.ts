// Above the store nothing is ciphertext, below it nothing is plaintext: 200 canaries through everything people and models say, and none on disk.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp } from '../src/app.ts';
import { loadConfig } from '../src/base/config.ts';
import type { Page, SessionView } from '../src/contract/session.ts';
import type { TurnAnswer } from '../src/contract/turn.ts';
import type { Sealer } from '../src/store/sealer.ts';
import { makeCanaries, type Sighting, scanForCanaries, scanText } from './support/canary.ts';
import { type FakeGemini, startFakeGemini } from './support/fake-gemini/fake-gemini.ts';
import { PROVIDER_CANARY } from './support/fake-gemini/replies.ts';
import { builtProgram, call, homeIn, type ServerProcess, startServer, temporaryFolder } from './support/server-process.ts';

const EACH = 25;
const KINDS = ['prompts', 'replies', 'titles', 'metadata', 'users', 'toolArguments', 'toolResults', 'partials'] as const;
const PASSING = ['toolErrors', 'badBodies', 'paths', 'queries', 'keys', 'models', 'agents'] as const;
type Kind = (typeof KINDS)[number] | (typeof PASSING)[number];
type Canaries = Record<Kind, string[]>;

const API_KEY = makeCanaries(1)[0] ?? '';

let fake: FakeGemini;
let canaries: Canaries;

beforeAll(async () => {
  fake = await startFakeGemini();
  canaries = Object.fromEntries([...KINDS, ...PASSING].map((kind) => [kind, makeCanaries(EACH)])) as Canaries;
});
afterAll(() => fake.stop());

/** Written to disk, and so the ones an identity sealer must show. */
const kept = () => KINDS.flatMap((kind) => canaries[kind]);
const all = () => [...kept(), ...PASSING.flatMap((kind) => canaries[kind]), API_KEY, PROVIDER_CANARY];

/** An agent whose tools say and hide things. */
const configFile = () => `
import { defineAgent, defineTool } from ${JSON.stringify(pathToFileURL(builtProgram('index')).href)};
const anything = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
const parameters = { type: 'object', properties: { note: { type: 'string' } } };
export default defineAgent({
  tools: [
    defineTool({ name: 'keep', description: 'Keeps a note.', input: anything, parameters, run: ({ result }) => ({ found: result }) }),
    defineTool({ name: 'fail', description: 'Fails.', input: anything, parameters, run: ({ secret }) => { throw new Error(secret); } }),
  ],
});
`;

const environment = (): Record<string, string> => ({
  GEMINI_API_KEY: API_KEY,
  GOOGLE_GEMINI_BASE_URL: fake.url,
  HOLDFAST_MODELS: 'gemini/fake',
  HOLDFAST_IDLE_MS: '300',
  HOLDFAST_DEADLINE_MS: '3000',
  LOG_LEVEL: 'debug',
});

type Send = ServerProcess['call'];

/** Everything goes through the doors it would come through; returns the bodies of the errors. */
async function traffic(send: Send): Promise<string[]> {
  const problems: string[] = [];
  for (let n = 0; n < EACH; n += 1) {
    const of = (kind: Kind) => canaries[kind][n] ?? '';
    const made = await send<SessionView>('POST', '/v1/sessions', {
      title: `About ${of('titles')}`,
      user: of('users'),
      metadata: { [`k${n}`]: { deep: [of('metadata')] } },
    });
    expect(made.status, made.text).toBeLessThan(300);
    const sessionId = made.body.id;
    const chat = (message: string, more: object = {}) => send<TurnAnswer>('POST', '/v1/chat', { message, sessionId, ...more });

    fake.push({ text: `I say ${of('replies')}.`, chunks: 3 });
    expect((await chat(`Please think of ${of('prompts')}.`)).body.reply).toContain(of('replies'));
    fake.push({ calls: [{ name: 'keep', args: { note: of('toolArguments'), result: of('toolResults') } }] }, { text: 'Kept.' });
    expect((await chat('Use the tool.')).body.status).toBe('completed');
    fake.push({ calls: [{ name: 'fail', args: { secret: of('toolErrors') } }] }, { text: 'It failed.' });
    await chat('Use the other one.');
    // Two models that break off are not enough to open the breaker: what follows still reaches the model.
    const brokenOff = n % 12 === 11;
    fake.setBehaviour({ text: `Half of ${of('partials')}`, chunks: 2, ...(brokenOff ? { fault: 'silent-mid' } : {}) });
    await chat('Go on.', { stream: true, metadata: { note: of('partials') } });

    problems.push((await send('POST', '/v1/chat', { message: 5, [of('badBodies')]: of('badBodies') })).text);
    problems.push((await send('POST', '/v1/chat', `{"message": "${of('badBodies')}`)).text);
    problems.push((await send('GET', `/v1/sessions/${of('paths')}`)).text, (await send('GET', `/${of('paths')}?q=${of('queries')}`)).text);
    problems.push((await send('GET', `/v1/sessions?cursor=${of('queries')}&${of('queries')}=1`)).text);
    problems.push((await chat('hello', { model: `gemini/${of('models')} ${of('models')}` })).text);
    problems.push((await send('GET', '/v1/status', undefined, { authorization: `Bearer ${of('keys')}`, 'user-agent': of('agents') })).text);
    fake.setBehaviour({ text: 'fine' });
  }
  for (const fault of ['400', '404', '503', 'html', 'bad-json', 'error-event', 'huge-error', '403'] as const) {
    fake.setBehaviour({ fault });
    const told = await send('POST', '/v1/chat', { message: 'The provider says too much.', onUnavailable: 'error' });
    expect(told.status).toBe(503);
    problems.push(told.text);
  }
  const listed = await send<Page<SessionView>>('GET', '/v1/sessions?limit=100');
  expect(listed.text).toContain(canaries.titles[0]);
  return problems;
}

const show = (sightings: Sighting[]) => sightings.slice(0, 10).map(({ encoding, where, offset }) => `${encoding} in ${where} at ${offset}`);

test('nothing that was said is found in the home, in the output or in an error, in any encoding', { timeout: 120_000 }, async () => {
  const folder = temporaryFolder('project');
  writeFileSync(join(folder, 'holdfast.config.mjs'), configFile());
  const server = await startServer({ folder, env: environment() });
  const problems = await traffic(server.call);
  const running = scanForCanaries(server.home, all());
  expect((await server.stop()).code).toBe(0);
  const stopped = scanForCanaries(server.home, all());
  expect(running.files).toBeGreaterThan(3);
  expect(running.bytes).toBeGreaterThan(200_000);
  expect(show(running.sightings)).toEqual([]);
  expect(show(stopped.sightings)).toEqual([]);
  expect(problems.length).toBe(EACH * 7 + 8);
  for (const [where, text] of [
    ['stdout', server.stdout()],
    ['stderr', server.stderr()],
    ['problem bodies', problems.join('\n')],
  ] as const) {
    expect(show(scanText(text, where, all()))).toEqual([]);
  }
  rmSync(folder, { recursive: true });
});

/** What the test above would look like without encryption. */
const identity: Sealer = {
  seal: (_key, _place, plaintext) => Buffer.from(plaintext),
  open: (_key, _place, record) => record,
};

test('the same scan finds at least 99 % of them when the sealer does nothing', { timeout: 120_000 }, async () => {
  const folder = temporaryFolder('project');
  const home = homeIn(folder);
  writeFileSync(join(folder, 'holdfast.config.mjs'), configFile());
  const env = { ...environment(), HOLDFAST_HOME: home, PORT: '0', DASHBOARD_PORT: '0' };
  const { config, agent } = await loadConfig({ flags: {}, env, cwd: folder });
  const app = createApp(config, { sealer: identity, agent });
  const { port } = await app.start();
  const token = readFileSync(join(home, 'run', 'token'), 'utf8').trim();
  await traffic((method, path, body, headers) =>
    call(`http://127.0.0.1:${port}${path}`, method, body, { authorization: `Bearer ${token}`, ...headers }),
  );
  await app.stop();
  const found = new Set(scanForCanaries(home, kept()).sightings.map((sighting) => sighting.canary));
  console.log(`${found.size} of ${kept().length} canaries found without encryption`);
  expect(found.size).toBeGreaterThanOrEqual(kept().length * 0.99);
  rmSync(folder, { recursive: true });
});
