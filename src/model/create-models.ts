// Puts providers, breakers, bulkheads and the fallback order together.
import type { Clock } from '../base/clock.ts';
import type { Config } from '../base/config.ts';
import type { Logger } from '../base/log.ts';
import type { BreakerSettings } from './breaker.ts';
import { type CallRules, failed, type ModelEntry } from './call.ts';
import { createProviders, type ProvidersOptions } from './create-providers.ts';
import { stateOf } from './model-state.ts';
import type { CheckedModel, Models } from './models.ts';
import type { Provider } from './provider.ts';
import { createRetryBudget } from './retry-budget.ts';
import { createRoster, type Roster, type RosterOptions } from './roster.ts';
import { askInOrder } from './route.ts';

export interface ModelsOptions extends Pick<ProvidersOptions, 'ownModels'> {
  config: ProvidersOptions['config'] & Pick<Config, 'models' | 'firstByteMs' | 'idleMs'>;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  log: Logger;
  /** Providers by name, instead of or beside the built-in ones. */
  providers?: Record<string, Provider>;
  breaker?: Partial<BreakerSettings>;
  onProbe?: RosterOptions['onProbe'];
}

export function createModels(options: ModelsOptions): Models {
  const { config, clock, random, log } = options;
  const providers = createProviders(options);
  for (const [name, provider] of Object.entries(options.providers ?? {})) providers.set(name, provider);
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
  let checking: Promise<CheckedModel[]> | undefined;
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
    sights: () => config.models.map((name) => ({ ...stateOf(name, roster.order), wasGood: wasGood(name, roster.order) })),
    check() {
      checking ??= Promise.all(config.models.map((name) => checkModel(name, roster))).finally(() => {
        checking = undefined;
      });
      return checking;
    },
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

/** A failure is remembered as a user's call would be, so that status can say more than that it failed. */
async function checkModel(name: string, roster: Roster): Promise<CheckedModel> {
  const entry = roster.order.find((known) => known.name === name);
  if (!entry) return { ...stateOf(name, roster.order), code: 'unconfigured', ms: 0 };
  const { code, ms } = await roster.probe(entry);
  // A thinking model may spend the one token of a probe on thoughts: it is there.
  entry.lastFailure = code === 'ok' || code === 'output_limit' ? undefined : code;
  return { ...stateOf(name, roster.order), code, ms };
}

function wasGood(name: string, order: readonly ModelEntry[]): boolean | undefined {
  const health = order.find((known) => known.name === name)?.lastHealth;
  return health && health === 'good';
}
