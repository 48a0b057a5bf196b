// The bytes of good answers, shaped as Gemini sends them.
import type { Behaviour, CapturedRequest, FakeCall, GeminiPart } from './behaviour.ts';

/** In every error body, so a test can look for it where it must never appear. */
export const PROVIDER_CANARY = 'provider-body-canary-7d1f';

const WORDS = ['durable', 'sealed', 'honest', 'answer', 'model', 'turn', 'lane', 'ledger', 'clock', 'river'];

export interface Chunk {
  parts?: GeminiPart[];
  finish?: string;
  usage?: object | null;
  responseId: string;
  model: string;
}

/** One `data:` event. Google ends lines with CRLF. */
export function event(payload: object): string {
  return `data: ${JSON.stringify(payload)}\r\n\r\n`;
}

export function chunkPayload(chunk: Chunk): object {
  const usage = chunk.usage === undefined ? usageOf(12, 5) : chunk.usage;
  return {
    candidates: [
      {
        ...(chunk.parts ? { content: { parts: chunk.parts, role: 'model' } } : { content: { role: 'model' } }),
        ...(chunk.finish ? { finishReason: chunk.finish } : {}),
        index: 0,
      },
    ],
    ...(usage ? { usageMetadata: usage } : {}),
    modelVersion: chunk.model,
    responseId: chunk.responseId,
  };
}

/** Gemini counts thoughts apart from the visible answer. */
export function usageOf(input: number, output: number, thoughts = 3): object {
  return {
    promptTokenCount: input,
    candidatesTokenCount: output,
    totalTokenCount: input + output + thoughts,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: input }],
    thoughtsTokenCount: thoughts,
  };
}

export function textOfWords(count: number): string {
  return Array.from({ length: count }, (_, i) => WORDS[i % WORDS.length]).join(' ');
}

/** Cuts a text into `count` pieces at code-point borders; fewer when it is short. */
export function pieces(text: string, count: number): string[] {
  const points = Array.from(text);
  const size = Math.max(1, Math.ceil(points.length / Math.max(1, count)));
  const cut: string[] = [];
  for (let at = 0; at < points.length; at += size) cut.push(points.slice(at, at + size).join(''));
  return cut.length > 0 ? cut : [''];
}

/** Events of a good answer. */
export function answerEvents(behaviour: Behaviour, request: CapturedRequest, responseId: string): string[] {
  const { text, calls } = contentOf(behaviour, request);
  const base = { responseId, model: request.model };
  const output = text ? Math.ceil(text.length / 4) : 0;
  const usage = usageOf(Math.ceil(request.bodyText.length / 4), output + calls.length * 6);
  const chunks: Chunk[] = text ? pieces(text, behaviour.chunks ?? 1).map((piece) => ({ ...base, parts: [{ text: piece }], usage })) : [];
  if (calls.length > 0) {
    const parts = calls.map((call, i) => ({
      functionCall: { name: call.name, args: call.args, ...(call.id ? { id: call.id } : {}) },
      ...(i === 0 && behaviour.signature ? { thoughtSignature: behaviour.signature } : {}),
    }));
    chunks.push({ ...base, parts, usage });
  } else if (behaviour.signature) {
    chunks.push({ ...base, parts: [{ text: '', thoughtSignature: behaviour.signature }], usage });
  }
  const last = chunks.at(-1);
  if (last) last.finish = 'STOP';
  return chunks.map((chunk) => event(chunkPayload(chunk)));
}

function contentOf(behaviour: Behaviour, request: CapturedRequest): { text: string; calls: FakeCall[] } {
  if (behaviour.calls) return { text: behaviour.text ?? '', calls: behaviour.calls };
  if (behaviour.text !== undefined) return { text: behaviour.text, calls: [] };
  if (behaviour.words !== undefined) return { text: textOfWords(behaviour.words), calls: [] };
  return echo(request);
}

/**
 * A reply that shows what arrived. A user message `!call name {"json":"args"}` asks for that tool; a tool's result is read back;
 * `!words 40` answers forty words; anything else is echoed with the number of messages seen.
 */
function echo(request: CapturedRequest): { text: string; calls: FakeCall[] } {
  const contents = request.body().contents ?? [];
  const last = contents.at(-1)?.parts ?? [];
  const results = last.flatMap((part) => (part.functionResponse ? [part.functionResponse] : []));
  if (results.length > 0) {
    return { text: `The tools said: ${results.map((r) => `${r.name} ${JSON.stringify(r.response)}`).join('; ')}`, calls: [] };
  }
  const said = last.map((part) => part.text ?? '').join('');
  const call = /^!call (\S+)(?: (.*))?$/s.exec(said);
  if (call) return { text: '', calls: [{ name: call[1] ?? '', args: parseOr(call[2], {}) }] };
  const words = /^!words (\d{1,6})$/.exec(said);
  if (words) return { text: textOfWords(Number(words[1])), calls: [] };
  return { text: `You said: ${said} (message ${contents.length} of this conversation)`, calls: [] };
}

function parseOr(text: string | undefined, otherwise: unknown): unknown {
  if (!text) return otherwise;
  try {
    return JSON.parse(text);
  } catch {
    return text; // a hand-typed absurdity is exactly what the caller wants to send
  }
}

/** Google's error body. It repeats the canary and the caller's key, as a careless provider would. */
export function errorBody(status: number, behaviour: Behaviour, key: string, reason?: string): string {
  const details: object[] = [];
  if (reason) details.push({ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'googleapis.com' });
  if (behaviour.retryInfoS !== undefined) {
    details.push({ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${behaviour.retryInfoS}s` });
  }
  const message = `${PROVIDER_CANARY}: request with key ${key} failed`;
  return JSON.stringify({
    error: { code: status, message, status: STATUS_NAMES[status] ?? 'UNKNOWN', ...(details.length > 0 ? { details } : {}) },
  });
}

const STATUS_NAMES: Record<number, string> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  408: 'DEADLINE_EXCEEDED',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};
