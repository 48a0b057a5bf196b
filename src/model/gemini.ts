// Google Gemini over its REST API, always the streaming call.
import type { Clock } from '../base/clock.ts';
import type { Secret } from '../base/secret.ts';
import { createGeminiReply } from './gemini-reply.ts';
import { classifyRefusal, encodeRequest } from './gemini-wire.ts';
import { createHttpStream, type Reading, type StreamEnd } from './http-stream.ts';
import type { CallLimits, ModelOutcome, ModelRequest, Provider } from './provider.ts';
import { createSseParser, type SseFault } from './sse.ts';
import { FAULT_KINDS, failure } from './wire-failure.ts';

const LINE_BYTES_MAX = 1024 * 1024;
/** Anything else Node would refuse to send, quoting it. */
const HEADER_VALUE = /^[\x21-\x7e]+$/;

export interface GeminiOptions {
  apiKey?: Secret;
  /** `{base}/v1beta/models/{model}:streamGenerateContent` is called. */
  baseUrl: string;
  clock: Clock;
  /** In [0, 1). Makes the ids of calls to which Gemini gave none. */
  random: () => number;
  /** Sockets open at once; above the number of calls under way. */
  socketsMax: number;
  connectMs?: number;
}

export function createGemini(options: GeminiOptions): Provider {
  const { clock, random } = options;
  const http = createHttpStream({ ...options, accept: 'text/event-stream' });
  const callSeed = () => Math.floor(random() * 2 ** 52).toString(36);

  async function generate(request: ModelRequest, limits: CallLimits, onText: (text: string) => void): Promise<ModelOutcome> {
    const key = options.apiKey?.reveal() ?? '';
    if (!HEADER_VALUE.test(key)) return failure('bad_key', key === '' ? 'no_key' : 'malformed_key');
    let body: string;
    try {
      body = encodeRequest(request);
    } catch {
      return failure('rejected', 'unsendable'); // nested beyond the JSON encoder's stack
    }
    const reply = createGeminiReply(onText, callSeed);
    let reading: Reading = 'more';
    let fault: SseFault | undefined;
    const sse = createSseParser(LINE_BYTES_MAX, (data) => {
      reading = reply.take(data);
      return reading !== 'stop';
    });
    const end = await http.post(
      {
        path: `/v1beta/models/${encodeURIComponent(request.model)}:streamGenerateContent?alt=sse`,
        headers: ['content-type', 'application/json', 'accept', 'text/event-stream', 'x-goog-api-key', key],
        body,
        limits,
      },
      (chunk) => {
        if (reading === 'progress') reading = 'more';
        fault = sse.push(chunk);
        return fault ? 'stop' : reading;
      },
    );
    return conclude(end, fault);

    function conclude(ended: StreamEnd, sseFault: SseFault | undefined): ModelOutcome {
      if (sseFault) return failure('cut', sseFault);
      if (ended.kind === 'refused') {
        const refused = classifyRefusal(ended.status, ended.body, ended.headers, clock.now());
        return refused.kind === 'cut' ? failure('cut', 'not_event_stream') : refused;
      }
      if (ended.kind === 'read') return reply.outcome('stream_cut', 'cut');
      if (ended.fault === 'cancelled') return failure('cancelled', 'cancelled');
      // Said everything and then broke: `outcome` takes the answer as whole. Otherwise the break is the outcome.
      const kind = FAULT_KINDS[ended.fault];
      return kind === 'transient' && reply.spoke() ? reply.outcome(`stream_${ended.fault}`, 'cut') : reply.outcome(ended.fault, kind);
    }
  }

  return { name: 'gemini', generate, close: async () => http.close() };
}
