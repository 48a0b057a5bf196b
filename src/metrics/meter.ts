import type { Clock } from '../base/clock.ts';
import type { ModelStepRecord, TerminalStatus, TurnReason, TurnRecord } from '../contract/turn.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { OTHER } from './table.ts';

const WINDOW_S = 60;
const WATCHED: readonly (readonly [TerminalStatus, TurnReason | ''])[] = [
  ['completed', ''],
  ['degraded', 'model_unavailable'],
  ['degraded', 'deadline'],
  ['failed', 'internal'],
];

export interface MeterParts {
  clock: Clock;
  /** As configured, `provider/model` or `demo`: callers may name others, which are counted together. */
  models: readonly string[];
  /** The agent's tools: a model may ask for others. */
  tools: readonly string[];
}

/** Turns what happens into numbers. Each call is a few additions. */
export interface Meter {
  readonly ledger: Ledger;
  accepted(): void;
  ended(record: TurnRecord): void;
  /** A request answered with a problem. */
  problem(code: string): void;
  /** A background call to a model that is left alone. */
  probe(provider: string, model: string, result: string): void;
  loopDelay(ms: number): void;
  /** Since the process started; `perMinute` is what was accepted in the last minute. */
  turns(): { accepted: number; byStatus: Record<TerminalStatus, number>; perMinute: number };
}

export function createMeter({ clock, models, tools }: MeterParts): Meter {
  const ledger = createLedger({
    counters: ['accepted', 'ended', 'modelCalls', 'tokens', 'problems'],
    histograms: ['turnDuration', 'firstToken'],
  });
  const recent = createLastMinute(clock);
  const ownTools = new Set(tools);
  const ownModels = new Set(models.map((name) => (name.includes('/') ? name : `${name}/${name}`)));
  const modelLabel = (provider: string, model: string) => (ownModels.has(`${provider}/${model}`) ? model : OTHER);
  // What an alert is likely to watch is there from the start.
  for (const name of ['accepted', 'queueDuration', 'firstToken', 'loopDelay'] as const) ledger.prepare(name);
  for (const [status, reason] of WATCHED) {
    ledger.prepare('ended', [status, reason]);
    ledger.prepare('turnDuration', [status]);
  }
  for (const direction of ['input', 'output']) ledger.prepare('tokens', [direction]);
  ledger.prepare('problems', ['overloaded']);

  function countStep({ attempts }: ModelStepRecord): void {
    attempts.forEach(({ provider, model, code, ms }, index) => {
      const label = modelLabel(provider, model);
      ledger.count('modelCalls', [provider, label, code]);
      ledger.observe('modelDuration', ms, [provider, label]);
      const before = attempts[index - 1];
      if (before?.provider === provider && before.model === model) ledger.count('modelRetries', [provider, label]);
    });
  }

  return {
    ledger,
    accepted() {
      ledger.count('accepted');
      recent.add();
    },
    ended(record) {
      const { status, reason, usage, steps, firstTokenMs } = record;
      ledger.count('ended', [status, reason ?? '']);
      ledger.observe('turnDuration', record.totalMs, [status]);
      ledger.observe('queueDuration', record.queueMs);
      if (firstTokenMs !== null) ledger.observe('firstToken', firstTokenMs);
      ledger.count('tokens', ['input'], usage.inputTokens);
      ledger.count('tokens', ['output'], usage.outputTokens);
      for (const step of steps) {
        if (step.kind === 'model') countStep(step);
        else ledger.count('toolCalls', [ownTools.has(step.name) ? step.name : OTHER, step.outcome]);
      }
    },
    problem: (code) => ledger.count('problems', [code]),
    probe: (provider, model, result) => ledger.count('probes', [provider, modelLabel(provider, model), result]),
    loopDelay: (ms) => ledger.observe('loopDelay', ms),
    turns() {
      const byStatus: Record<TerminalStatus, number> = { completed: 0, degraded: 0, failed: 0, cancelled: 0 };
      for (const { labels, value } of ledger.counter('ended')) byStatus[labels[0] as TerminalStatus] += value;
      return { accepted: ledger.counter('accepted')[0]?.value ?? 0, byStatus, perMinute: recent.sum() };
    },
  };
}

/** How often something happened in the last minute, in one-second buckets. */
function createLastMinute(clock: Clock): { add(): void; sum(): number } {
  const seconds = new Uint32Array(WINDOW_S);
  let latest = Math.floor(clock.monotonic() / 1_000);

  /** Moves the window to now, emptying the seconds that fell out. */
  function slide(): number {
    const second = Math.floor(clock.monotonic() / 1_000);
    for (let passed = Math.min(second - latest, WINDOW_S); passed > 0; passed -= 1) seconds[(second - passed + 1) % WINDOW_S] = 0;
    latest = second;
    return second % WINDOW_S;
  }
  return {
    add() {
      const bucket = slide();
      seconds[bucket] = (seconds[bucket] ?? 0) + 1;
    },
    sum() {
      slide();
      return seconds.reduce((sum, count) => sum + count, 0);
    },
  };
}
