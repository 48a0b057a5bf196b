// The agent under test: the one named by HOLDFAST_URL, or one of our own for the length of the run.
import { startFakeGemini } from '../test/support/fake-gemini/fake-gemini.ts';
import { startServer } from '../test/support/server-process.ts';
import { need, readServerStatus, type ServerStatus, type Target } from './api.ts';
import { LoadError, type Options } from './options.ts';

export interface Chosen extends Target {
  /** The process, when it is ours. */
  pid?: number;
  status?: ServerStatus;
  what: string;
  close(): Promise<void>;
}

export async function chooseTarget(options: Options): Promise<Chosen> {
  const { url, apiKey } = options;
  if (url === undefined || apiKey === undefined) return startOwn(options);
  const target = { url, apiKey };
  await need(target, 'GET', '/v1/sessions?limit=1');
  const status = await readServerStatus(target);
  const models = status?.models.map(({ name }) => name);
  if (!options.yes && !models?.every((name) => name === 'demo')) {
    const asked = models === undefined ? 'models this key may not see' : models.join(', ');
    throw new LoadError(
      `The agent asks ${asked}: a load test may cost money.`,
      'npm run load -- --yes, or take HOLDFAST_URL away to test with the demo model',
    );
  }
  const what = status ? `${status.name} ${status.version} at ${url}, models ${models?.join(', ')}` : `the agent at ${url}`;
  return { ...target, ...(status ? { status } : {}), what, close: async () => undefined };
}

/** The built server in a temporary folder, removed at the end. */
async function startOwn({ model, modelLatencyMs, connections }: Options): Promise<Chosen> {
  const fake = model === 'fake' ? await startFakeGemini({ capture: false }) : undefined;
  fake?.setBehaviour({ words: 40, chunks: 10, ...(modelLatencyMs > 0 ? { latencyMs: modelLatencyMs } : {}) });
  const env: Record<string, string> = fake
    ? {
        GEMINI_API_KEY: 'key-of-no-account-for-the-load-test',
        GOOGLE_GEMINI_BASE_URL: fake.url,
        HOLDFAST_MODELS: 'gemini/fake',
        HOLDFAST_MODEL_CONCURRENCY: String(Math.max(64, connections)),
      }
    : { HOLDFAST_MODELS: 'demo' };
  const server = await startServer({ env });
  const target = { url: server.url, apiKey: server.token };
  const status = await readServerStatus(target);
  return {
    ...target,
    pid: server.pid,
    ...(status ? { status } : {}),
    what: `Holdfast ${status?.version ?? ''}, started for this run with the ${model} model${modelLatencyMs > 0 ? ` (${modelLatencyMs} ms)` : ''}`,
    async close() {
      await server.stop();
      server.remove();
      await fake?.stop();
    },
  };
}
