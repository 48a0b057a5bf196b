// The models this server knows: those of the configured order, and those callers have named since.
import { BREAKER_SETTINGS, type BreakerSettings, createBreaker, type Health } from './breaker.ts';
import { type Bulkhead, createBulkhead } from './bulkhead.ts';
import type { CallRules, ModelEntry } from './call.ts';
import { type Probed, probeModel } from './probe.ts';
import type { Provider } from './provider.ts';

/** Models a caller may name beyond the configured order, each with a breaker of its own; the oldest is forgotten. */
const PREFERRED_MAX = 64;
const MODEL_CHARS_MAX = 128;
/** `gemini-pro`, `llama3.2:3b`, `meta-llama/llama-3-70b:free`. */
const MODEL_NAME = /^[A-Za-z0-9@][\w.:@-]*(\/[A-Za-z0-9@][\w.:@-]*)*$/;

export interface Roster {
  /** The configured order without models that have no provider. */
  readonly order: readonly ModelEntry[];
  /** The order with `prefer` first; a name nobody can call changes nothing. */
  orderFor(prefer: string | undefined): readonly ModelEntry[];
  knows(name: string): boolean;
  /** One probe of a model of the order whatever its breaker says, which learns from it. Must not reject. */
  probe(entry: ModelEntry): Promise<Probed>;
  /** Stops all probing. */
  close(): void;
}

export interface RosterOptions {
  names: readonly string[];
  providers: ReadonlyMap<string, Provider>;
  concurrency: number;
  rules: CallRules;
  breaker?: Partial<BreakerSettings>;
  /** A model may be called again. */
  onAvailable(): void;
  /** Told how a probe went. Must not throw. */
  onProbe?: ((provider: string, model: string, health: Health) => void) | undefined;
}

export function createRoster(options: RosterOptions): Roster {
  const { providers, rules } = options;
  const settings = { ...BREAKER_SETTINGS, ...options.breaker };
  const bulkheads = new Map<string, Bulkhead>();
  const order: ModelEntry[] = [];
  const preferred = new Map<string, ModelEntry>();
  const closing = new AbortController();

  function createEntry(name: string): ModelEntry | undefined {
    const called = splitName(name, providers);
    if (!called) return undefined;
    const { provider, model } = called;
    const bulkhead = bulkheads.get(provider.name) ?? createBulkhead(rules.clock, options.concurrency);
    bulkheads.set(provider.name, bulkhead);
    const breaker = createBreaker({
      ...rules,
      name,
      settings,
      probe: async () => (await probe(entry)).health,
      onChange: () => changed(entry),
    });
    const entry: ModelEntry = { name, model, provider, bulkhead, breaker, lastFailure: undefined, lastHealth: undefined };
    return entry;
  }

  async function probe(entry: ModelEntry): Promise<Probed> {
    const probed = await probeModel(entry.provider, entry.model, rules, closing.signal);
    entry.lastHealth = probed.health;
    if (probed.code === 'ok') entry.lastFailure = undefined;
    options.onProbe?.(entry.provider.name, entry.model, probed.health);
    return probed;
  }

  function changed(entry: ModelEntry): void {
    if (entry.breaker.state() === 'ok') options.onAvailable();
    // Nobody configured it: it is not probed for ever.
    else if (preferred.has(entry.name) && entry.breaker.probesFailed() >= settings.probesFast) forget(entry);
  }

  function forget(entry: ModelEntry): void {
    entry.breaker.close();
    preferred.delete(entry.name);
  }

  function entryOf(name: string): ModelEntry | undefined {
    const known = order.find((entry) => entry.name === name) ?? preferred.get(name);
    if (known) return known;
    const entry = createEntry(name);
    if (!entry) return undefined;
    const oldest = preferred.size >= PREFERRED_MAX ? preferred.values().next().value : undefined;
    if (oldest) forget(oldest);
    preferred.set(name, entry);
    return entry;
  }

  for (const name of new Set(options.names)) {
    const entry = createEntry(name);
    if (entry) order.push(entry);
  }

  return {
    order,
    orderFor(prefer) {
      const first = prefer === undefined ? undefined : entryOf(prefer);
      return first ? [first, ...order.filter((entry) => entry !== first)] : order;
    },
    knows: (name) => splitName(name, providers) !== undefined,
    async probe(entry) {
      const probed = await probe(entry);
      if (!closing.signal.aborted) entry.breaker.record(probed.health);
      return probed;
    },
    close() {
      closing.abort();
      for (const entry of [...order, ...preferred.values()]) entry.breaker.close();
    },
  };
}

/** `provider/model`, or `demo` alone. */
function splitName(name: string, providers: ReadonlyMap<string, Provider>): { provider: Provider; model: string } | undefined {
  const slash = name.indexOf('/');
  const provider = providers.get(slash === -1 ? name : name.slice(0, slash));
  const model = name.slice(slash + 1);
  if (!provider || model.length > MODEL_CHARS_MAX || !MODEL_NAME.test(model)) return undefined;
  if ((slash === -1) !== (provider.name === 'demo') || provider.models?.has(model) === false) return undefined;
  return { provider, model };
}
