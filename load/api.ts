// The few calls to the agent beside the load itself.
import { LoadError } from './options.ts';

export interface Target {
  url: string;
  apiKey: string;
}

const CALL_MS_MAX = 30_000;

export interface Answer<T> {
  status: number;
  body: T;
  text: string;
}

/** Rejects when there is no answer; any status is one. */
export async function call<T>(
  target: Target,
  method: string,
  path: string,
  more: { body?: string; key?: string } = {},
): Promise<Answer<T>> {
  const response = await fetch(`${target.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${target.apiKey}`,
      ...(more.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(more.key === undefined ? {} : { 'idempotency-key': more.key }),
    },
    ...(more.body === undefined ? {} : { body: more.body }),
    signal: AbortSignal.timeout(CALL_MS_MAX),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, body: (isJson ? JSON.parse(text) : undefined) as T, text };
}

/** The body of a call that must succeed. Throws LoadError with the exit codes of the command line. */
export async function need<T>(target: Target, method: string, path: string, body?: object): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call<T>(target, method, path, body === undefined ? {} : { body: JSON.stringify(body) });
  } catch (error) {
    const code = error instanceof Error && error.cause instanceof Error && 'code' in error.cause ? String(error.cause.code) : 'no answer';
    throw new LoadError(`${target.url} cannot be reached (${code}).`, 'check HOLDFAST_URL, or run without it to have an agent started', 3);
  }
  if (answer.status === 401) throw new LoadError('The agent refuses the key.', 'export HOLDFAST_API_KEY=<a key of that agent>', 4);
  if (answer.status >= 400 || answer.body === undefined)
    throw new LoadError(
      `${method} ${path} was answered with ${answer.status}, not as Holdfast does.`,
      'check HOLDFAST_URL and what listens there',
      3,
    );
  return answer.body;
}

/** The part of `GET /v1/status` that is used here. Undefined for a key that may not read it. */
export interface ServerStatus {
  agentId: string;
  name: string;
  version: string;
  environment: string;
  startedAt: string;
  models: { name: string; state: string }[];
  requests: { accepted: number; completed: number; degraded: number; failed: number; open: number };
  memory: { rssBytes: number };
}

export async function readServerStatus(target: Target): Promise<ServerStatus | undefined> {
  const answer = await call<ServerStatus>(target, 'GET', '/v1/status').catch(() => undefined);
  return answer?.status === 200 ? answer.body : undefined;
}

/** Runs `work` over `items`, so many at once. */
export async function inParallel<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}
