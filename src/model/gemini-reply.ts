// Reads the events of one Gemini stream into an answer. Everything in it is foreign: unknown fields are skipped, absurd ones refused.
import type { Json, Part } from '../contract/message.ts';
import type { Usage } from '../contract/turn.ts';
import { argsFit, CALL_NAME, CALLS_MAX, countOf, isRecord, OWN_CALL_ID, SIGNATURE_CHARS_MAX } from './foreign.ts';
import { classifyRefusal } from './gemini-wire.ts';
import type { Reading } from './http-stream.ts';
import type { FailureKind, ModelOutcome } from './provider.ts';

/** Finish reasons that are a stop by policy. */
const BLOCKED = new Map([
  ['SAFETY', 'blocked_safety'],
  ['RECITATION', 'blocked_recitation'],
  ['LANGUAGE', 'blocked_language'],
  ['BLOCKLIST', 'blocked_blocklist'],
  ['PROHIBITED_CONTENT', 'blocked_prohibited'],
  ['SPII', 'blocked_personal_data'],
  ['IMAGE_SAFETY', 'blocked_safety'],
  ['IMAGE_PROHIBITED_CONTENT', 'blocked_prohibited'],
  ['IMAGE_RECITATION', 'blocked_recitation'],
]);
/** Finish reasons after which the content cannot be trusted. */
const BROKEN = new Map([
  ['MALFORMED_FUNCTION_CALL', 'malformed_call'],
  ['UNEXPECTED_TOOL_CALL', 'unexpected_call'],
  ['TOO_MANY_TOOL_CALLS', 'too_many_calls'],
  ['MALFORMED_RESPONSE', 'malformed_answer'],
]);

export interface GeminiReply {
  /** Takes the data of one event. */
  take(data: string): Reading;
  /** The answer once the stream is over, or why it is none. `code` is used when no end reason came. */
  outcome(code: string, kind: FailureKind): ModelOutcome;
  /** Text or a call has been seen. */
  spoke(): boolean;
}

/** `callSeed` makes the ids of calls to which Gemini gave none; it must differ between answers. */
export function createGeminiReply(onText: (text: string) => void, callSeed: () => string): GeminiReply {
  const parts: Part[] = [];
  let usage: Usage = { inputTokens: 0, outputTokens: 0 };
  let finish: string | undefined;
  let fault: { kind: FailureKind; code: string } | undefined;
  let calls = 0;

  function stop(kind: FailureKind, code: string): Reading {
    fault = { kind, code };
    return 'stop';
  }

  function takePart(part: unknown): Reading {
    // Thought summaries are the model talking to itself.
    if (!isRecord(part) || part.thought === true) return 'progress';
    const { thoughtSignature } = part;
    const mark =
      typeof thoughtSignature === 'string' && thoughtSignature !== '' && thoughtSignature.length <= SIGNATURE_CHARS_MAX
        ? { signature: thoughtSignature, signedBy: 'gemini' }
        : undefined;
    if (isRecord(part.functionCall)) return takeCall(part.functionCall, mark);
    if (typeof part.text === 'string') takeText(part.text.toWellFormed(), mark);
    return 'progress';
  }

  function takeText(text: string, mark: { signature: string; signedBy: string } | undefined): void {
    if (text === '' && !mark) return;
    const last = parts.at(-1);
    // A signature belongs to exactly the part it came with, so only unsigned text is joined.
    if (!mark && last?.type === 'text' && last.signature === undefined) last.text += text;
    else parts.push({ type: 'text', text, ...mark });
    if (text !== '') onText(text);
  }

  function takeCall(call: Record<string, unknown>, mark: { signature: string; signedBy: string } | undefined): Reading {
    if (++calls > CALLS_MAX) return stop('cut', 'too_many_calls');
    if (typeof call.name !== 'string' || !CALL_NAME.test(call.name)) return stop('cut', 'malformed_call');
    const args = (call.args ?? {}) as Json; // it came out of JSON.parse
    if (!argsFit(args)) return stop('cut', 'oversized_call');
    const given = typeof call.id === 'string' && /^[\w.:-]{1,128}$/.test(call.id) && !call.id.startsWith(OWN_CALL_ID) ? call.id : undefined;
    parts.push({ type: 'call', callId: given ?? `${OWN_CALL_ID}${callSeed()}_${calls}`, name: call.name, args, ...mark });
    return 'progress';
  }

  function takeEvent(event: Record<string, unknown>): Reading {
    if (isRecord(event.usageMetadata)) usage = usageOf(event.usageMetadata);
    if (isRecord(event.error)) {
      const status = typeof event.error.code === 'number' && Number.isInteger(event.error.code) ? event.error.code : 500;
      const refusal = classifyRefusal(status, JSON.stringify({ error: { details: event.error.details } }), {}, 0);
      return stop(refusal.kind, refusal.code);
    }
    if (isRecord(event.promptFeedback) && typeof event.promptFeedback.blockReason === 'string') return stop('blocked', 'blocked_prompt');
    const candidate = Array.isArray(event.candidates) ? event.candidates[0] : undefined;
    if (!isRecord(candidate)) return 'progress';
    const content = isRecord(candidate.content) && Array.isArray(candidate.content.parts) ? candidate.content.parts : [];
    for (const part of content) {
      if (takePart(part) === 'stop') return 'stop';
    }
    if (typeof candidate.finishReason === 'string') finish = candidate.finishReason;
    return finish === undefined ? 'progress' : 'done';
  }

  const spoke = () => parts.some((part) => part.type === 'call' || (part.type === 'text' && part.text !== ''));

  function outcome(code: string, kind: FailureKind): ModelOutcome {
    // An error the provider reports after it spoke is a break, whatever its number.
    if (fault) return { ok: false, code: fault.code, kind: fault.kind === 'transient' && spoke() ? 'cut' : fault.kind, usage };
    if (finish === undefined) return { ok: false, kind, code, usage };
    const blocked = BLOCKED.get(finish);
    if (blocked) return { ok: false, kind: 'blocked', code: blocked, usage };
    const broken = BROKEN.get(finish);
    if (broken) return { ok: false, kind: 'cut', code: broken, usage };
    const limit = finish === 'MAX_TOKENS' || finish === 'CONTINUATION';
    // A finish reason we do not know is taken at its word only if something was said.
    if (!spoke()) return { ok: false, kind: 'cut', code: limit ? 'output_limit' : 'empty_answer', usage };
    return { ok: true, parts, finish: calls > 0 ? 'calls' : limit ? 'length' : 'stop', usage };
  }

  return {
    take(data) {
      if (fault) return 'stop';
      try {
        const event: unknown = JSON.parse(data);
        return isRecord(event) ? takeEvent(event) : stop('cut', 'malformed_json');
      } catch (error) {
        // Not JSON, or nested beyond what the parser or the encoder can hold. A listener's own error is not ours to hide.
        if (error instanceof SyntaxError || error instanceof RangeError) return stop('cut', 'malformed_json');
        throw error;
      }
    },
    outcome,
    spoke,
  };
}

/** Thoughts are billed as output. Absent or absurd numbers count as 0. */
function usageOf(meta: Record<string, unknown>): Usage {
  return {
    inputTokens: countOf(meta.promptTokenCount) + countOf(meta.toolUsePromptTokenCount),
    outputTokens: countOf(meta.candidatesTokenCount) + countOf(meta.thoughtsTokenCount),
  };
}
