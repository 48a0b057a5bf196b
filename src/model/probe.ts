// The background call that closes a breaker again: labelled, one token, never a user's request.
import type { Health } from './breaker.ts';
import { type CallRules, healthOf } from './call.ts';
import type { Provider } from './provider.ts';

const PROBE_DEADLINE_MS = 5_000;

export interface Probed {
  health: Health;
  /** `ok`, or the failure code of the call: a model may be there and still know no such name. */
  code: string;
  ms: number;
}

/** The smallest possible call. A refusal of this very request, or an answer that ran into its one-token limit, proves the model is there. */
export async function probeModel(provider: Provider, model: string, rules: CallRules, signal: AbortSignal): Promise<Probed> {
  const request = {
    model,
    instructions: 'This is an automatic availability probe. Answer with one word.',
    messages: [{ role: 'user' as const, parts: [{ type: 'text' as const, text: 'probe' }] }],
    tools: [],
    maxOutputTokens: 1,
  };
  const ms = Math.min(PROBE_DEADLINE_MS, rules.firstByteMs);
  const limits = { deadlineAt: rules.clock.monotonic() + ms, firstByteMs: ms, idleMs: Math.min(ms, rules.idleMs), signal };
  const startedAt = rules.clock.monotonic();
  const probed = (health: Health, code: string): Probed => ({ health, code, ms: Math.round(rules.clock.monotonic() - startedAt) });
  try {
    const outcome = await provider.generate(request, limits, () => undefined);
    const code = outcome.ok ? 'ok' : outcome.code;
    if (!outcome.ok && outcome.kind === 'deadline') return probed('bad', code);
    // Here any silence counts; what says nothing about health in a user's call was at least an answer.
    return probed(healthOf(outcome, ms, 0) ?? 'good', code);
  } catch (error) {
    rules.log.error('provider.threw', { provider: provider.name, error });
    return probed('bad', 'provider_threw');
  }
}
