// Puts providers, breakers, bulkheads and the fallback order together.
import type { Clock } from '../base/clock.ts';
import type { Config } from '../base/config.ts';
import type { Logger } from '../base/log.ts';
import type { ModelState } from '../contract/status.ts';
import type { BreakerSettings } from './breaker.ts';
import { type CallRules, failed, type ModelEntry } from './call.ts';
import { createDemo } from './demo.ts';
import { createGemini } from './gemini.ts';
import type { Models } from './models.ts';
import type { Provider } from './provider.ts';
import { createRetryBudget } from './retry-budget.ts';
import { createRoster, type RosterOptions } from './roster.ts';
import { askInOrder } from './route.ts';

/** Sockets beyond the bulkhead, for probes. */
const PROBE_SOCKETS = 16;
const GEMINI_MISSING_FIX = 'Set GEMINI_API_KEY in .env and restart.';
const OPEN_FIX =
  'It failed several times in a row and is left alone; a probe every few seconds brings it back by itself. If that does not happen, check the network and the provider’s status page.';
const KEY_FIXES: Record<string, string> = {
  gemini: 'Google refuses the key: check GEMINI_API_KEY in .env (https://aistudio.google.com/apikey) and restart.',
};

export interface ModelsOptions {
  config: Pick<Config, 'gemini' | 'models' | 'firstByteMs' | 'idleMs' | 'modelConcurrency'>;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  log: Logger;
  /** Providers by name, instead of or beside the built-in `gemini` and `demo`. */
  providers?: Record<string, Provider>;
  breaker?: Partial<BreakerSettings>;
  onProbe?: RosterOptions['onProbe'];
}

export function createModels(options: ModelsOptions): Models {
  const { config, clock, random, log } = options;
  const providers = createProviders(options);
  const waiters = new Set<() => void>();
  const wakeAll = () => {
    for (const wake of waiters) wake();
  };
  const rules: CallRules = { clock, random, log, budget: createRetryBudget(), firstByteMs: config.firstByteMs, idleMs: config.idleMs };
  const roster = createRoster({
    names: config.models,
    providers,
    concurrency: config.modelConcurrency,
    rules,
    ...(options.breaker ? { breaker: options.breaker } : {}),
    onAvailable: wakeAll,
    onProbe: options.onProbe,
  });
  let closed = false;
  const available = (prefer?: string) => roster.orderFor(prefer).some((entry) => entry.breaker.state() === 'ok');

  return {
    async ask(ask) {
      try {
        const candidates = roster.orderFor(ask.prefer);
        if (candidates.length > 0) return await askInOrder(ask, candidates, rules);
        return { ok: false, failure: failed('rejected', 'no_model'), partial: '', model: null, attempts: [] };
      } catch (error) {
        log.error('model.ask', { part: 'model', error });
        return { ok: false, failure: failed('cut', 'internal'), partial: '', model: null, attempts: [] };
      }
    },
    available,
    whenAvailable(signal) {
      return new Promise((resolve) => {
        if (signal.aborted || closed || available()) return resolve();
        const wake = () => {
          waiters.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        // As many waiters as callers wait; each leaves with its own signal.
        waiters.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    },
    knows: (name) => roster.knows(name),
    states: () => config.models.map((name) => stateOf(name, roster.order)),
    expectedWaitMs() {
      const open = roster.order.filter((entry) => entry.breaker.state() === 'ok');
      return open.length === 0 ? 0 : Math.min(...open.map((entry) => entry.bulkhead.expectedWaitMs()));
    },
    async close() {
      closed = true;
      roster.close();
      wakeAll();
      await Promise.all([...providers.values()].map((provider) => provider.close()));
    },
  };
}

function createProviders({ config, clock, random, providers }: ModelsOptions): Map<string, Provider> {
  const known = new Map<string, Provider>([['demo', createDemo(clock)]]);
  // Without a key there is no such provider: its models are `unconfigured` and skipped.
  if (config.gemini.apiKey) {
    known.set('gemini', createGemini({ ...config.gemini, clock, random, socketsMax: config.modelConcurrency + PROBE_SOCKETS }));
  }
  for (const [name, provider] of Object.entries(providers ?? {})) known.set(name, provider);
  return known;
}

function stateOf(name: string, order: readonly ModelEntry[]): ModelState {
  const entry = order.find((known) => known.name === name);
  if (!entry) {
    const fix = name.startsWith('gemini/') ? GEMINI_MISSING_FIX : `No provider for ${name}: correct HOLDFAST_MODELS and restart.`;
    return { name, state: 'unconfigured', fix };
  }
  const state = entry.breaker.state();
  const fix = fixOf(entry, state);
  return { name, state, ...(entry.lastFailure ? { lastFailure: entry.lastFailure } : {}), ...(fix ? { fix } : {}) };
}

function fixOf(entry: ModelEntry, state: string): string | undefined {
  if (state === 'bad_key')
    return KEY_FIXES[entry.provider.name] ?? `The provider ${entry.provider.name} refuses the key: check it and restart.`;
  if (state === 'open') return OPEN_FIX;
  if (state === 'ok' && entry.lastFailure === 'http_404')
    return `The provider does not know ${entry.name}: correct HOLDFAST_MODELS and restart.`;
  return undefined;
}
