// The providers of models this version has, and what each needs before it can be called.
import type { Secret } from './secret.ts';
import type { SettingValues } from './settings.ts';

export type ProviderName = 'gemini' | 'openai' | 'anthropic' | 'compatible' | 'ollama';
/** All but Gemini, which has an adapter of its own. */
export type OtherProvider = Exclude<ProviderName, 'gemini'>;

/** How one of the others is reached. */
export interface ProviderAccess {
  apiKey?: Secret;
  baseUrl: string;
  /** OpenAI only: which of its two APIs is spoken. */
  api?: 'responses' | 'chat';
}

interface ProviderFacts {
  /** Who it is, for sentences. */
  title: string;
  /** The first setting that makes it callable. */
  setting: string;
  /** What its key is given as. */
  keySetting: string;
  /** Where people get one. */
  keyPage?: string;
  /** The model that answers when the key is all there is. */
  usualModel?: string;
}

export const PROVIDERS: Record<ProviderName, ProviderFacts> = {
  gemini: {
    title: 'Google',
    setting: 'GEMINI_API_KEY',
    keySetting: 'GEMINI_API_KEY',
    keyPage: 'https://aistudio.google.com/apikey',
    usualModel: 'gemini/gemini-flash-latest',
  },
  openai: {
    title: 'OpenAI',
    setting: 'OPENAI_API_KEY',
    keySetting: 'OPENAI_API_KEY',
    keyPage: 'https://platform.openai.com/api-keys',
    usualModel: 'openai/gpt-6-luna',
  },
  anthropic: {
    title: 'Anthropic',
    setting: 'ANTHROPIC_API_KEY',
    keySetting: 'ANTHROPIC_API_KEY',
    keyPage: 'https://console.anthropic.com/settings/keys',
    usualModel: 'anthropic/claude-haiku-5-5',
  },
  compatible: { title: 'The server', setting: 'OPENAI_COMPATIBLE_BASE_URL', keySetting: 'OPENAI_COMPATIBLE_API_KEY' },
  ollama: { title: 'Ollama', setting: 'OLLAMA_HOST', keySetting: 'OLLAMA_API_KEY' },
};

const NAMES = Object.keys(PROVIDERS) as ProviderName[];
export const isProviderName = (name: string): name is ProviderName => NAMES.some((known) => known === name);
export const providerOf = (model: string): string => model.split('/', 1)[0] ?? model;

/** Only what can be called: Ollama needs nothing, an own server no key, everybody else one. */
export function accessOf(values: Partial<SettingValues>): Partial<Record<OtherProvider, ProviderAccess>> {
  const { openaiKey, openaiBaseUrl, anthropicKey, anthropicBaseUrl, compatibleKey, compatibleBaseUrl, ollamaKey, ollamaHost } = values;
  const withKey = (apiKey: Secret | undefined) => (apiKey === undefined ? {} : { apiKey });
  const access: Partial<Record<OtherProvider, ProviderAccess>> = {};
  if (openaiBaseUrl !== undefined && (openaiKey !== undefined || !isOpenAi(openaiBaseUrl))) {
    const api = values.openaiApi ?? (isOpenAi(openaiBaseUrl) ? 'responses' : 'chat');
    access.openai = { ...withKey(openaiKey), baseUrl: openaiBaseUrl, api };
  }
  if (anthropicBaseUrl !== undefined && anthropicKey !== undefined) access.anthropic = { apiKey: anthropicKey, baseUrl: anthropicBaseUrl };
  if (compatibleBaseUrl !== undefined) access.compatible = { ...withKey(compatibleKey), baseUrl: compatibleBaseUrl };
  if (ollamaHost !== undefined) access.ollama = { ...withKey(ollamaKey), baseUrl: ollamaHost };
  return access;
}

/** Every other server that calls itself compatible speaks Chat Completions; few speak Responses. */
const isOpenAi = (baseUrl: string): boolean => /(^|\.)openai\.com$/.test(new URL(baseUrl).hostname);

/** The providers whose key or address somebody gave, in the order in which one is taken when no model is named. */
export function usualModels(values: Partial<SettingValues>): string[] {
  const keys = { gemini: values.geminiKey, openai: values.openaiKey, anthropic: values.anthropicKey };
  return Object.entries(keys).flatMap(([name, key]) => {
    const model = isProviderName(name) ? PROVIDERS[name].usualModel : undefined;
    return key === undefined || model === undefined ? [] : [model];
  });
}

/** Whether the provider of this model has what it needs; false for one that is not ours. */
export const isCallable = (values: Partial<SettingValues>, model: string): boolean => {
  const access: Record<string, unknown> = { ...accessOf(values), gemini: values.geminiKey };
  return access[providerOf(model)] !== undefined;
};

/** What to set so that a model can be called; undefined for a provider that is not ours. */
export function missingSetting(model: string): string | undefined {
  const name = providerOf(model);
  return isProviderName(name) ? PROVIDERS[name].setting : undefined;
}
