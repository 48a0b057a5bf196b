// The background call that closes a breaker again: labelled, one token, never a user's request.
import type { Health } from './breaker.ts';
import { type CallRules, healthOf } from './call.ts';
import type { Provider } from './provider.ts';

const PROBE_DEADLINE_MS = 5_000;

/** The smallest possible call. A refusal of this very request, or an answer that ran into its one-token limit, proves the model is there. */
export async function probeModel(provider: Provider, model: string, rules: CallRules, signal: AbortSignal): Promise<Health> {
  const request = {
    model,
    instructions: 'This is an automatic availability probe. Answer with one word.',
    messages: [{ role: 'user' as const, parts: [{ type: 'text' as const, text: 'probe' }] }],
    tools: [],
    maxOutputTokens: 1,
  };
  const ms = Math.min(PROBE_DEADLINE_MS, rules.firstByteMs);
  const limits = { deadlineAt: rules.clock.monotonic() + ms, firstByteMs: ms, idleMs: Math.min(ms, rules.idleMs), signal };
  try {
    const outcome = await provider.generate(request, limits, () => undefined);
    if (!outcome.ok && outcome.kind === 'deadline') return 'bad';
    // Here any silence counts; what says nothing about health in a user's call was at least an answer.
    return healthOf(outcome, ms, 0) ?? 'good';
  } catch (error) {
    rules.log.error('provider.threw', { provider: provider.name, error });
    return 'bad';
  }
}
