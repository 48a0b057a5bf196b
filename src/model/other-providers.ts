// The providers reached through the AI SDK: which package speaks to them, and how. Loaded when one of them is asked for the first time.
import type { Clock } from '../base/clock.ts';
import type { OtherProvider, ProviderAccess } from '../base/providers.ts';
import { type AiSdkOptions, createAiSdk } from './ai-sdk.ts';
import type { LanguageModel } from './language-model.ts';
import type { Provider } from './provider.ts';
import { createProviderFetch, type Fetch } from './provider-fetch.ts';

/** Always handed in, so that no package looks into the environment for what is missing. */
const NO_KEY = 'none';
/** Responses refuses fewer; a probe asks for one. */
const RESPONSES_TOKENS_MIN = 16;

export interface OtherParts {
  clock: Clock;
  random: () => number;
  socketsMax: number;
}

/** One way of speaking to a provider. */
interface Dialect extends Pick<AiSdkOptions, 'outputTokensMin' | 'providerOptions'> {
  baseUrl: string;
  isLast(data: string): boolean;
  open(model: string, fetch: Fetch): LanguageModel;
}

export async function createOtherProvider(name: OtherProvider, access: ProviderAccess, parts: OtherParts): Promise<Provider> {
  const { isLast, open, baseUrl, ...settings } = await dialectOf(name, access);
  const fetch = createProviderFetch({ ...parts, baseUrl, isLast });
  return createAiSdk({
    ...parts,
    ...settings,
    name,
    open: (model, limits, note) => open(model, fetch.forCall(limits, note)),
    close: () => fetch.close(),
  });
}

/** Models the author's code made: their transport is the author's, our limits stand around it. */
export function createOwnProvider(name: string, models: ReadonlyMap<string, LanguageModel>, parts: OtherParts): Provider {
  return createAiSdk({
    ...parts,
    name,
    models: new Set(models.keys()),
    open(model) {
      const known = models.get(model);
      if (!known) throw new Error('not one of the models of this provider');
      return known;
    },
  });
}

function dialectOf(name: OtherProvider, access: ProviderAccess): Promise<Dialect> {
  if (name === 'anthropic') return messages(access);
  if (name === 'openai' && access.api === 'responses') return responses(access);
  return chatCompletions(name, name === 'ollama' ? { ...access, baseUrl: `${access.baseUrl}/v1` } : access);
}

/** Nothing is stored on the other side: what the model thought comes to us sealed by it, and goes back with the next request. */
async function responses({ apiKey, baseUrl }: ProviderAccess): Promise<Dialect> {
  const { createOpenAI } = await import('@ai-sdk/openai');
  const last = /"type":\s*"response\.(completed|incomplete|failed)"/;
  return {
    baseUrl,
    isLast: (data) => last.test(data),
    outputTokensMin: RESPONSES_TOKENS_MIN,
    providerOptions: { openai: { store: false } },
    open: (model, fetch) => createOpenAI({ apiKey: apiKey?.reveal() ?? NO_KEY, baseURL: baseUrl, fetch }).responses(model),
  };
}

async function chatCompletions(name: string, { apiKey, baseUrl }: ProviderAccess): Promise<Dialect> {
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
  const key = apiKey ? { apiKey: apiKey.reveal() } : {};
  return {
    baseUrl,
    isLast: (data) => data === '[DONE]',
    open: (model, fetch) => createOpenAICompatible({ name, baseURL: baseUrl, includeUsage: true, fetch, ...key }).chatModel(model),
  };
}

async function messages({ apiKey, baseUrl }: ProviderAccess): Promise<Dialect> {
  const { createAnthropic } = await import('@ai-sdk/anthropic');
  const baseURL = `${baseUrl.replace(/\/v1$/, '')}/v1`;
  const last = /"type":\s*"message_stop"/;
  return {
    baseUrl,
    isLast: (data) => last.test(data),
    // Streamed bit by bit, the arguments of a call need not be JSON.
    providerOptions: { anthropic: { toolStreaming: false } },
    open: (model, fetch) => createAnthropic({ apiKey: apiKey?.reveal() ?? NO_KEY, baseURL, fetch })(model),
  };
}
