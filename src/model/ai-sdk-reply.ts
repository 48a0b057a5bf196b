// Reads the stream of an AI SDK model into an answer. Everything in it is foreign: unknown parts are skipped, absurd ones refused.
import type { Usage } from '../contract/turn.ts';
import { type BlocksOptions, createBlocks } from './ai-sdk-blocks.ts';
import { countOf, isRecord } from './foreign.ts';
import type { Reading } from './http-stream.ts';
import type { ModelFailure, ModelOutcome } from './provider.ts';
import { failure } from './wire-failure.ts';

/** Characters of everything a model streams; what our own connection reads is bounded in bytes as well. */
const ANSWER_CHARS_MAX = 8 * 1024 * 1024;

export interface AiSdkReply {
  /** Takes one part of the stream. */
  take(part: unknown): Reading;
  /** The answer, or why it is none; `otherwise` is the outcome when no end was heard. */
  outcome(otherwise: ModelFailure): ModelOutcome;
}

interface ReplyOptions extends BlocksOptions {
  /** What an `error` part means. */
  judge(error: unknown): ModelFailure;
}

export function createAiSdkReply(options: ReplyOptions): AiSdkReply {
  const blocks = createBlocks(options);
  let usage: Usage = { inputTokens: 0, outputTokens: 0 };
  let finish: Finish | undefined;
  let fault: ModelFailure | undefined;
  let chars = 0;

  function stop(why: ModelFailure): Reading {
    fault = why;
    return 'stop';
  }

  function takePart(part: Record<string, unknown>): Reading {
    switch (part.type) {
      case 'text-start':
      case 'text-delta':
      case 'text-end':
        return blocks.text(part) ? 'progress' : 'more';
      case 'reasoning-start':
      case 'reasoning-delta':
      case 'reasoning-end':
        return blocks.reasoning(part) ? 'progress' : 'more';
      case 'tool-input-start':
      case 'tool-input-delta':
        return 'progress';
      case 'tool-call': {
        // Nothing that runs on the other side was asked for.
        const wrong = part.providerExecuted === true ? undefined : blocks.call(part);
        return wrong ? stop(failure('cut', wrong)) : 'progress';
      }
      case 'error':
        return stop(options.judge(part.error));
      case 'finish':
        usage = usageOf(part.usage);
        finish = finishOf(part.finishReason);
        return 'done';
      default:
        return 'more'; // pings, warnings, sources, what a later version adds
    }
  }

  return {
    take(part) {
      if (fault) return 'stop';
      if (!isRecord(part)) return 'more';
      if (typeof part.delta === 'string') chars += part.delta.length;
      return chars > ANSWER_CHARS_MAX ? stop(failure('cut', 'response_too_large')) : takePart(part);
    },
    outcome(otherwise) {
      const spoke = blocks.spoke();
      const broken = fault ?? (finish === undefined ? otherwise : refusalOf(finish, spoke));
      if (broken) return { ...(broken.kind === 'transient' && spoke ? brokenOff(broken) : broken), usage };
      const ended = finish?.unified === 'length' ? 'length' : 'stop';
      return { ok: true, parts: blocks.parts(), finish: blocks.calls() > 0 ? 'calls' : ended, usage };
    },
  };
}

/** After it spoke an error is a break, whatever its number. */
const brokenOff = ({ code }: ModelFailure): ModelFailure => failure('cut', code.startsWith('http_') ? code : `stream_${code}`);

interface Finish {
  unified: unknown;
  /** As the provider said it. */
  raw: unknown;
}

/** A word, or a word with the provider's own in later versions. */
const finishOf = (reason: unknown): Finish =>
  isRecord(reason) ? { unified: reason.unified, raw: reason.raw } : { unified: reason, raw: undefined };

/** Why an answer that came to its end is none. */
function refusalOf({ unified, raw }: Finish, spoke: boolean): ModelFailure | undefined {
  if (unified === 'error' || unified === 'interrupted') return failure('cut', 'stream_cut');
  // A model that declines in its own words has answered; one that a filter stopped has not.
  const declined = spoke && raw !== 'content_filter' && raw !== 'refusal';
  if (unified === 'content-filter' && !declined) return failure('blocked', 'blocked_safety');
  return spoke ? undefined : failure('cut', unified === 'length' ? 'output_limit' : 'empty_answer');
}

/** Numbers, or numbers by kind in later versions. */
function usageOf(usage: unknown): Usage {
  const total = (value: unknown) => countOf(isRecord(value) ? value.total : value);
  return isRecord(usage)
    ? { inputTokens: total(usage.inputTokens), outputTokens: total(usage.outputTokens) }
    : { inputTokens: 0, outputTokens: 0 };
}
