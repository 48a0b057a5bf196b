// The providers this server can call. Those that need the AI SDK load it with their first call, so nobody else pays for it.
import type { Clock } from '../base/clock.ts';
import type { Config } from '../base/config.ts';
import type { OtherProvider, ProviderAccess } from '../base/providers.ts';
import { createDemo } from './demo.ts';
import { createGemini } from './gemini.ts';
import type { LanguageModel } from './language-model.ts';
import type { Provider } from './provider.ts';

/** Sockets beyond the bulkhead, for probes. */
const PROBE_SOCKETS = 16;

export interface ProvidersOptions {
  config: Pick<Config, 'gemini' | 'modelConcurrency'> & Partial<Pick<Config, 'others'>>;
  clock: Clock;
  random: () => number;
  /** Models the author hands in, by their full names. */
  ownModels?: ReadonlyMap<string, LanguageModel>;
}

/** By name. A provider without its key is not there: its models are `unconfigured` and skipped. */
export function createProviders({ config, clock, random, ownModels = new Map() }: ProvidersOptions): Map<string, Provider> {
  const parts = { clock, random, socketsMax: config.modelConcurrency + PROBE_SOCKETS };
  const providers = new Map<string, Provider>([['demo', createDemo(clock)]]);
  if (config.gemini.apiKey) providers.set('gemini', createGemini({ ...config.gemini, ...parts }));
  for (const [name, access] of Object.entries(config.others ?? {}) as [OtherProvider, ProviderAccess][]) {
    const load = async () => (await import('./other-providers.ts')).createOtherProvider(name, access, parts);
    providers.set(name, createLazy({ name }, load));
  }
  for (const [name, models] of byProvider(ownModels)) {
    const load = async () => (await import('./other-providers.ts')).createOwnProvider(name, models, parts);
    providers.set(name, createLazy({ name, models: new Set(models.keys()) }, load));
  }
  return providers;
}

/** `mine/large` is the model `large` of the provider `mine`. */
function byProvider(models: ReadonlyMap<string, LanguageModel>): Map<string, Map<string, LanguageModel>> {
  const found = new Map<string, Map<string, LanguageModel>>();
  for (const [full, model] of models) {
    const slash = full.indexOf('/');
    const name = full.slice(0, slash);
    found.set(name, (found.get(name) ?? new Map()).set(full.slice(slash + 1), model));
  }
  return found;
}

/** Stands in for a provider that is loaded with its first call. */
function createLazy(about: Pick<Provider, 'name' | 'models'>, load: () => Promise<Provider>): Provider {
  let loading: Promise<Provider> | undefined;
  return {
    ...about,
    async generate(request, limits, onText) {
      loading ??= load();
      return (await loading).generate(request, limits, onText);
    },
    async close() {
      // One that could not be loaded has nothing to close; its calls have said so.
      await loading?.then(
        (provider) => provider.close(),
        () => undefined,
      );
    },
  };
}
