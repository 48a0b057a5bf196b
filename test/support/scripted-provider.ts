// A provider that plays what a test tells it: the interface's fake, with real timing and real text callbacks.
import type { Part } from '../../src/contract/message.ts';
import type { CallLimits, ModelOutcome, ModelRequest, Provider } from '../../src/model/provider.ts';

/** What the provider does with one call. */
export type Script = (request: ModelRequest, say: (text: string) => void, limits: CallLimits) => ModelOutcome | Promise<ModelOutcome>;

const usage = { inputTokens: 3, outputTokens: 5 };

/** Says the pieces one by one and ends well. */
export const says =
  (...pieces: string[]): Script =>
  (_request, say) => {
    for (const piece of pieces) say(piece);
    return { ok: true, parts: [{ type: 'text', text: pieces.join('') }], finish: 'stop', usage };
  };

/** Asks for tools, perhaps saying something first. */
export const calls =
  (wanted: { callId: string; name: string }[], text = ''): Script =>
  (_request, say) => {
    if (text) say(text);
    const parts: Part[] = text ? [{ type: 'text', text }] : [];
    for (const { callId, name } of wanted) parts.push({ type: 'call', callId, name, args: {} });
    return { ok: true, parts, finish: 'calls', usage };
  };

export const fails =
  (kind: 'transient' | 'silent' | 'rejected' | 'bad_key' | 'blocked' | 'cut', code: string, said = ''): Script =>
  (_request, say) => {
    if (said) say(said);
    return { ok: false, kind, code };
  };

/** Holds the call until `go`, or ends as `cancelled` when told to stop. */
export function gate(then: Script): { script: Script; reached: Promise<void>; go(): void } {
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  return {
    reached: reached.promise,
    go: opened.resolve,
    script: async (request, say, limits) => {
      reached.resolve();
      const stopped = new Promise<'stopped'>((resolve) =>
        limits.signal.addEventListener('abort', () => resolve('stopped'), { once: true }),
      );
      if ((await Promise.race([opened.promise, stopped])) === 'stopped') return { ok: false, kind: 'cancelled', code: 'cancelled' };
      return then(request, say, limits);
    },
  };
}

export interface ScriptedProvider extends Provider {
  readonly requests: ModelRequest[];
  /** Scripts for the next calls, in order; afterwards `always`. */
  next(...scripts: Script[]): void;
  always(script: Script): void;
}

export function createScriptedProvider(): ScriptedProvider {
  const queue: Script[] = [];
  const requests: ModelRequest[] = [];
  let usual: Script = says('fine');
  return {
    name: 'script',
    requests,
    next: (...scripts) => void queue.push(...scripts),
    always(script) {
      usual = script;
    },
    async generate(request, limits, onText) {
      requests.push(request);
      return (queue.shift() ?? usual)(request, onText, limits);
    },
    close: async () => undefined,
  };
}
