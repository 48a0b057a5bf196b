// Pure mapping of our messages to the Gemini REST API and of its refusals to our failures (ai.google.dev/api/generate-content).
import type { IncomingHttpHeaders } from 'node:http';
import type { Json, ModelMessage, Part } from '../contract/message.ts';
import { isRecord, OWN_CALL_ID } from './foreign.ts';
import type { ModelFailure, ModelRequest } from './provider.ts';
import { kindOfStatus, retryAfterMs } from './wire-failure.ts';

interface WirePart {
  text?: string;
  thoughtSignature?: string;
  functionCall?: { id?: string; name: string; args: Record<string, Json> };
  functionResponse?: { id?: string; name: string; response: Record<string, Json> };
}

/** JSON body of `streamGenerateContent`. Throws only for arguments or results nested deeper than the JSON encoder can go. */
export function encodeRequest(request: ModelRequest): string {
  return JSON.stringify({
    contents: request.messages.map(encodeMessage),
    ...(request.instructions ? { systemInstruction: { role: 'user', parts: [{ text: request.instructions.toWellFormed() }] } } : {}),
    ...(request.tools.length > 0 ? { tools: [{ functionDeclarations: request.tools.map(encodeTool) }] } : {}),
    ...(request.maxOutputTokens === undefined ? {} : { generationConfig: { maxOutputTokens: request.maxOutputTokens } }),
  });
}

function encodeTool(tool: ModelRequest['tools'][number]): object {
  return { name: tool.name, description: tool.description, parametersJsonSchema: tool.parameters };
}

function encodeMessage(message: ModelMessage): { role: 'user' | 'model'; parts: WirePart[] } {
  return { role: message.role === 'assistant' ? 'model' : 'user', parts: message.parts.map(encodePart) };
}

function encodePart(part: Part): WirePart {
  // Gemini refuses a whole request for one lone surrogate; the stored text keeps it.
  if (part.type === 'text') return signed({ text: part.text.toWellFormed() }, part.signature);
  const id = part.callId.startsWith(OWN_CALL_ID) ? {} : { id: part.callId };
  if (part.type === 'call') return signed({ functionCall: { ...id, name: part.name, args: objectOf(part.args, 'value') } }, part.signature);
  // "Use 'output' key to specify function output and 'error' key to specify error details" (Gemini API, FunctionResponse).
  return { functionResponse: { ...id, name: part.name, response: { [part.outcome === 'ok' ? 'output' : 'error']: part.value } } };
}

function signed(part: WirePart, signature: string | undefined): WirePart {
  if (signature !== undefined) part.thoughtSignature = signature;
  return part;
}

function objectOf(value: Json, key: string): Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : { [key]: value };
}

/** What an HTTP refusal, or an error object inside a stream, means for us. Reads reasons and delays only, never the message. */
export function classifyRefusal(status: number, body: string, headers: IncomingHttpHeaders, wallNow: number): ModelFailure {
  const details = errorDetails(body);
  const reason = details.map((detail) => detail.reason).find((found) => typeof found === 'string');
  const kind = reason === 'API_KEY_INVALID' ? 'bad_key' : kindOfStatus(status);
  const waitMs = kind === 'transient' ? longest(retryInfoMs(details), retryAfterMs(headers, wallNow)) : undefined;
  const code = reason === 'API_KEY_INVALID' ? 'api_key_invalid' : `http_${status}`;
  return { ok: false, kind, code, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) };
}

type Detail = Record<string, unknown>;

function errorDetails(body: string): Detail[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return []; // a proxy's HTML page says nothing we could use
  }
  // Some Google endpoints wrap the error in an array.
  const holder = Array.isArray(parsed) ? parsed[0] : parsed;
  const details = isRecord(holder) && isRecord(holder.error) ? holder.error.details : undefined;
  return Array.isArray(details) ? details.slice(0, 32).filter(isRecord) : [];
}

/** google.rpc.RetryInfo: a protobuf duration such as `30s` or `1.5s`. */
function retryInfoMs(details: Detail[]): number | undefined {
  const info = details.find((detail) => typeof detail['@type'] === 'string' && detail['@type'].endsWith('google.rpc.RetryInfo'));
  const match = typeof info?.retryDelay === 'string' ? /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(info.retryDelay) : null;
  return match ? Math.ceil(Number(match[1]) * 1_000) : undefined;
}

function longest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.max(a, b);
}
