// What the fake does with one request. Set by code, by the queue, by `POST /__behave` or by a model name such as `fault-429`.

/** Failures with an HTTP status and Google's error body. */
export const STATUS_FAULTS = ['400', '401', '403', '404', '408', '413', '429', '500', '501', '502', '503', '504'] as const;

/** Every other way a model can fail. `-mid` faults come after the first text chunk. */
export const WIRE_FAULTS = [
  'bad-key', // 400 with reason API_KEY_INVALID, as Gemini says it
  'silent', // the request is read, no byte ever comes
  'silent-headers', // headers, then nothing
  'silent-mid', // headers, a chunk, then nothing
  'refused', // the listening socket is closed for `downMs`
  'reset', // RST before any byte
  'reset-headers', // RST after the headers
  'reset-mid', // RST after a chunk
  'truncated', // clean end of the stream without a finish reason
  'truncated-event', // clean end in the middle of an event
  'cut-mid', // connection closed without the last HTTP chunk
  'drip', // one byte of a valid answer every `chunkMs`
  'html', // 200 with an HTML page
  'bad-json', // an event that is no JSON
  'bad-utf8', // an event with a byte that is no UTF-8
  'huge', // 400 MB of valid events without an end
  'huge-line', // 400 MB in one event-stream line
  'huge-error', // 503 with a 400 MB body
  'silent-error', // 503 whose body never ends
  'empty', // candidates: []
  'no-content', // STOP without parts
  'blank', // STOP with an empty text
  'safety', // SAFETY without content
  'safety-mid', // SAFETY after a text chunk
  'prompt-blocked', // promptFeedback.blockReason
  'max-tokens', // MAX_TOKENS with text
  'max-tokens-empty', // MAX_TOKENS spent on thoughts
  'unknown-enum', // a finish reason of the future, with text
  'unknown-enum-empty',
  'no-usage', // a good answer without usageMetadata
  'error-event', // 200, then an error object in the stream
  'error-event-mid',
  'call-unknown', // a tool nobody declared
  'call-args', // args that are no object
  'call-many', // 10,000 calls
  'call-giant', // 600 KiB of args
  'call-deep', // args nested 5,000 deep
  'call-nameless',
  'call-malformed', // finish reason MALFORMED_FUNCTION_CALL
  'redirect', // 302 to another place
  'redirect-loop', // 302 to itself
  'gzip', // a content encoding nobody asked for
  'not-http', // bytes that are no HTTP
  'linger', // a good answer whose stream never ends
] as const;

export type Fault = (typeof STATUS_FAULTS)[number] | (typeof WIRE_FAULTS)[number];
export const FAULTS: readonly Fault[] = [...STATUS_FAULTS, ...WIRE_FAULTS];

export interface FakeCall {
  name: string;
  args: unknown;
  id?: string;
}

export interface Behaviour {
  fault?: Fault;
  /** A fixed reply. Without it the fake echoes the last user message. */
  text?: string;
  /** A fixed reply of that many words. */
  words?: number;
  /** Events the reply is cut into. Default 1. */
  chunks?: number;
  /** Tool calls the model asks for, after the text if there is one. */
  calls?: FakeCall[];
  /** Attached to the first call, or as an empty text part at the end. */
  signature?: string;
  /** Before the headers. */
  latencyMs?: number;
  /** Between chunks; for `drip` between bytes (default 50). */
  chunkMs?: number;
  /** `Retry-After` in seconds, with a status fault. */
  retryAfterS?: number;
  /** google.rpc.RetryInfo in seconds, with a status fault. */
  retryInfoS?: number;
  /** How long `refused` closes the door. Default 2,000. */
  downMs?: number;
}

/** What the fake read of one request. `body` is parsed when asked for. */
export interface CapturedRequest {
  method: string;
  /** Path with query. */
  url: string;
  model: string;
  stream: boolean;
  headers: Record<string, string>;
  bodyText: string;
  body(): GeminiRequest;
}

/** The parts of a Gemini request the fake looks at. */
export interface GeminiRequest {
  contents?: GeminiContent[];
  systemInstruction?: GeminiContent;
  tools?: { functionDeclarations?: { name: string; description?: string; parametersJsonSchema?: unknown }[] }[];
  generationConfig?: { maxOutputTokens?: number };
}

export interface GeminiContent {
  role?: string;
  parts?: GeminiPart[];
}

export interface GeminiPart {
  text?: string;
  thought?: boolean;
  thoughtSignature?: string;
  functionCall?: { id?: string; name?: string; args?: unknown };
  functionResponse?: { id?: string; name?: string; response?: unknown };
}

export const isFault = (text: string): text is Fault => (FAULTS as readonly string[]).includes(text);

/** `fault-503`, `words-200`, `latency-300`, `chunks-10`, or several joined by `_`: the behaviour of a model name typed by hand. */
export function behaviourOfModel(model: string): Behaviour | undefined {
  if (!/^(fault|words|latency|chunks|chunkms)-/.test(model)) return undefined;
  const behaviour: Behaviour = {};
  for (const piece of model.split('_')) {
    const dash = piece.indexOf('-');
    const value = piece.slice(dash + 1);
    const key = piece.slice(0, dash);
    if (key === 'fault' && isFault(value)) behaviour.fault = value;
    if (key === 'words') behaviour.words = Number(value);
    if (key === 'latency') behaviour.latencyMs = Number(value);
    if (key === 'chunks') behaviour.chunks = Number(value);
    if (key === 'chunkms') behaviour.chunkMs = Number(value);
  }
  return behaviour;
}
