// What people are told about a model: its state, its last failure, and what to do about it.
import { isProviderName, missingSetting, PROVIDERS, providerOf } from '../base/providers.ts';
import type { ModelState } from '../contract/status.ts';
import type { ModelEntry } from './call.ts';

const OPEN_FIX =
  'It failed several times in a row and is left alone; a probe every few seconds brings it back by itself. If that does not happen, check the network and the provider’s status page.';

export function stateOf(name: string, order: readonly ModelEntry[]): ModelState {
  const entry = order.find((known) => known.name === name);
  if (!entry) return { name, state: 'unconfigured', fix: missingFix(name) };
  const state = entry.breaker.state();
  const fix = fixOf(entry, state);
  return { name, state, ...(entry.lastFailure ? { lastFailure: entry.lastFailure } : {}), ...(fix ? { fix } : {}) };
}

function missingFix(name: string): string {
  const setting = missingSetting(name);
  return setting === undefined ? `No provider for ${name}: correct HOLDFAST_MODELS and restart.` : `Set ${setting} in .env and restart.`;
}

function fixOf({ name, model, provider, lastFailure }: ModelEntry, state: string): string | undefined {
  const isOllama = provider.name === 'ollama';
  if (state === 'bad_key') return keyFix(name, lastFailure);
  if (state === 'open')
    return isOllama && lastFailure === 'connect_refused' ? 'Nothing answers at OLLAMA_HOST. Start it: ollama serve' : OPEN_FIX;
  if (state !== 'ok' || lastFailure !== 'http_404') return undefined;
  return isOllama
    ? `Ollama does not have the model. Get it: ollama pull ${model}`
    : `The provider does not know ${name}: correct HOLDFAST_MODELS and restart.`;
}

function keyFix(name: string, lastFailure: string | undefined): string {
  const provider = providerOf(name);
  if (!isProviderName(provider)) return `The provider ${provider} refuses the key: check it and restart.`;
  const { title, keySetting, keyPage } = PROVIDERS[provider];
  if (lastFailure === 'no_credit')
    return `The account behind ${keySetting} has no credit left: add some at the provider; a probe brings the model back.`;
  return `${title} refuses the key: check ${keySetting} in .env${keyPage === undefined ? '' : ` (${keyPage})`} and restart.`;
}
