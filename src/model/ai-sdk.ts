// Any language model of the AI SDK as one of our providers. Its own retries, timeouts and transport are not used; what it throws becomes a value.
import type { LanguageModelV4CallOptions } from '@ai-sdk/provider';
import type { Clock } from '../base/clock.ts';
import { classifyThrown } from './ai-sdk-fault.ts';
import { encodePrompt } from './ai-sdk-prompt.ts';
import { createAiSdkReply } from './ai-sdk-reply.ts';
import { type CallWatch, watchCall } from './call-watch.ts';
import type { LanguageModel } from './language-model.ts';
import type { CallLimits, ModelFailure, ModelOutcome, ModelRequest, Provider } from './provider.ts';
import { FAULT_KINDS, failure } from './wire-failure.ts';

/** What the connection of one call came to; it knows better than the errors that the SDK makes of it. */
export interface WireNote {
  failure?: ModelFailure;
}

export interface AiSdkOptions {
  name: string;
  clock: Clock;
  /** In [0, 1). Makes the ids of calls. */
  random: () => number;
  /** A model for one call. `limits.signal` is the call's own. */
  open(model: string, limits: CallLimits, note: WireNote): LanguageModel;
  /** Only these can be called; without it the provider decides. */
  models?: ReadonlySet<string>;
  /** Less is refused by the provider. */
  outputTokensMin?: number;
  /** Settings of the provider's own. */
  providerOptions?: LanguageModelV4CallOptions['providerOptions'];
  close?(): void;
}

export function createAiSdk(options: AiSdkOptions): Provider {
  return {
    name: options.name,
    ...(options.models ? { models: options.models } : {}),
    generate(request, limits, onText) {
      let encoded: ReturnType<typeof encodePrompt>;
      try {
        encoded = encodePrompt(request);
      } catch {
        return Promise.resolve(failure('rejected', 'unsendable')); // nested beyond the JSON encoder's stack
      }
      const { maxOutputTokens, ...rest } = encoded;
      const tokens = maxOutputTokens === undefined ? {} : { maxOutputTokens: Math.max(maxOutputTokens, options.outputTokensMin ?? 0) };
      const own = options.providerOptions ? { providerOptions: options.providerOptions } : {};
      return run(options, { request, limits, onText, call: { ...rest, ...tokens, ...own } });
    },
    close: async () => options.close?.(),
  };
}

interface Work {
  request: ModelRequest;
  limits: CallLimits;
  onText: (text: string) => void;
  call: LanguageModelV4CallOptions;
}

/** One outcome, whatever the model does with its signal, and no text after it. */
function run(options: AiSdkOptions, { request, limits, onText, call }: Work): Promise<ModelOutcome> {
  const { clock } = options;
  const note: WireNote = {};
  const judge = (error: unknown) => note.failure ?? classifyThrown(error, clock.now());
  const callSeed = Math.floor(options.random() * 2 ** 52).toString(36);
  const reply = createAiSdkReply({ provider: options.name, model: request.model, onText, callSeed, judge });
  return new Promise((resolve) => {
    let over = false;
    const settle = (otherwise: ModelFailure, abort: boolean) => {
      if (over) return;
      over = true;
      watch.end(abort);
      resolve(otherwise.kind === 'cancelled' ? otherwise : reply.outcome(otherwise));
    };
    const watch = watchCall(clock, limits, (fault) => settle(failure(FAULT_KINDS[fault], fault), true));
    const take = (part: unknown): boolean => {
      if (over) return false;
      const reading = reply.take(part);
      if (reading === 'progress') watch.progress();
      else if (reading !== 'more') settle(note.failure ?? failure('cut', 'stream_cut'), reading === 'stop');
      return !over;
    };
    const model = () => options.open(request.model, { ...limits, signal: watch.signal }, note);
    read(model, call, watch, take).then(
      () => settle(note.failure ?? failure('cut', 'stream_cut'), false),
      (error: unknown) => settle(judge(error), true),
    );
  });
}

/** Hands the parts of the stream to `take` until it has enough. Rejects with whatever the model throws. */
async function read(
  open: () => LanguageModel,
  call: LanguageModelV4CallOptions,
  watch: CallWatch,
  take: (part: unknown) => boolean,
): Promise<void> {
  const model = open();
  const { stream } = await model.doStream({ ...call, abortSignal: watch.signal } as never);
  if (!(stream instanceof ReadableStream)) throw new TypeError('doStream gave no stream');
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    if (take(value)) continue;
    // What is left of it is of no interest, nor is how it ends.
    await reader.cancel().catch(() => undefined);
    return;
  }
}
