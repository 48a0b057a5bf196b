// Our messages as any provider of the AI SDK takes them, in the form the strictest one accepts. Pure.
import type { JSONSchema7, LanguageModelV4CallOptions, LanguageModelV4FunctionTool, LanguageModelV4Message } from '@ai-sdk/provider';
import type { CallPart, Json, ModelMessage, Part, ResultPart } from '../contract/message.ts';
import { openMark } from './ai-sdk-mark.ts';
import { isRecord } from './foreign.ts';
import type { ModelRequest, ToolSpec } from './provider.ts';

type Assistant = Extract<LanguageModelV4Message, { role: 'assistant' }>['content'];
const TOOL_NAME_CHARS_MAX = 64;

/** Throws only for arguments or results nested deeper than the JSON encoder can go. */
export function encodePrompt(request: ModelRequest): Pick<LanguageModelV4CallOptions, 'prompt' | 'tools' | 'maxOutputTokens'> {
  const system = request.instructions === '' ? [] : [{ role: 'system' as const, content: request.instructions.toWellFormed() }];
  return {
    prompt: [...system, ...encodeMessages(request)],
    ...(request.tools.length > 0 ? { tools: request.tools.map(encodeTool) } : {}),
    ...(request.maxOutputTokens === undefined ? {} : { maxOutputTokens: request.maxOutputTokens }),
  };
}

/**
 * Ids on the wire are numbered by position, whoever made the call: unique in the request, and nine letters and digits, which the strictest server wants.
 * The same conversation gets the same ids, so providers' caches of its beginning hold.
 */
function encodeMessages({ messages, model }: ModelRequest): LanguageModelV4Message[] {
  const encoded: LanguageModelV4Message[] = [];
  /** Wire ids of the last message's calls that wait for their results. */
  let open = new Map<string, string[]>();
  let calls = 0;
  const nameCall = (callId: string): string => {
    const id = `hf${String(++calls).padStart(7, '0')}`;
    open.set(callId, [...(open.get(callId) ?? []), id]);
    return id;
  };
  for (const message of messages) {
    if (message.role === 'assistant') {
      open = new Map();
      add(encoded, { role: 'assistant', content: encodeAssistant(message, model, nameCall) });
    } else if (message.role === 'user') {
      add(encoded, { role: 'user', content: texts(message).map((text) => ({ type: 'text', text })) });
    } else {
      add(encoded, {
        role: 'tool',
        content: message.parts.flatMap((part) => {
          const id = part.type === 'result' ? open.get(part.callId)?.shift() : undefined;
          return part.type === 'result' && id !== undefined ? [encodeResult(part, id)] : [];
        }),
      });
    }
  }
  return encoded;
}

/** Without empty messages, and without two neighbours of one role, which some servers refuse. */
function add(encoded: LanguageModelV4Message[], message: Exclude<LanguageModelV4Message, { role: 'system' }>): void {
  const last = encoded.at(-1);
  if (message.content.length === 0) return;
  if (last?.role !== message.role) encoded.push(message);
  else (last.content as unknown[]).push(...message.content);
}

const texts = (message: ModelMessage): string[] =>
  message.parts.flatMap((part) => (part.type === 'text' && part.text !== '' ? [part.text.toWellFormed()] : []));

function encodeAssistant(message: ModelMessage, model: string, nameCall: (callId: string) => string): Assistant {
  const content = message.parts.flatMap((part) => encodePart(part, model, nameCall));
  // Reasoning must be followed by what it led to.
  while (content.at(-1)?.type === 'reasoning') content.pop();
  return content;
}

function encodePart(part: Part, model: string, nameCall: (callId: string) => string): Assistant {
  if (part.type === 'result') return [];
  const mark = openMark(part.signature, model);
  const meta = mark?.meta === undefined ? {} : { providerOptions: mark.meta };
  if (part.type === 'call') return [encodeCall(part, nameCall(part.callId), meta)];
  if (mark?.reasoning !== undefined) return [{ type: 'reasoning', text: mark.reasoning, ...meta }];
  // Anthropic refuses text of nothing but white space, and Gemini writes it between calls.
  return part.text.trim() === '' ? [] : [{ type: 'text', text: part.text.toWellFormed(), ...meta }];
}

function encodeCall(call: CallPart, toolCallId: string, meta: object): Assistant[number] {
  const { args } = call;
  const input = typeof args === 'object' && args !== null && !Array.isArray(args) ? args : { value: args };
  return { type: 'tool-call', toolCallId, toolName: toolName(call.name), input: wellFormed(input), ...meta };
}

function encodeResult({ name, outcome, value }: ResultPart, toolCallId: string) {
  const clean = wellFormed(value);
  const text = typeof clean === 'string' ? clean : JSON.stringify(clean);
  const type = outcome === 'ok' ? ('text' as const) : ('error-text' as const);
  return { type: 'tool-result' as const, toolCallId, toolName: toolName(name), output: { type, value: text } };
}

/** A model may have called a tool by a name no provider would take back. */
const toolName = (name: string): string => name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, TOOL_NAME_CHARS_MAX) || 'tool';

function wellFormed(value: Json): Json {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.toWellFormed(), wellFormed(inner)]));
}

function encodeTool({ name, description, parameters }: ToolSpec): LanguageModelV4FunctionTool {
  return { type: 'function', name, description, inputSchema: plainObject(parameters) as JSONSchema7 };
}

const ALTERNATIVES = ['anyOf', 'oneOf', 'allOf'] as const;

/**
 * OpenAI and Anthropic take no alternatives at the top of a schema. They become one object with all their properties, demanding what all of them demand;
 * the tool's own schema still judges the arguments.
 */
function plainObject(schema: Record<string, unknown>): Record<string, unknown> {
  const branches = ALTERNATIVES.flatMap((key) => (Array.isArray(schema[key]) ? schema[key].filter(isRecord) : []));
  if (branches.length === 0) return { properties: {}, ...schema };
  const { anyOf: _any, oneOf: _one, allOf, ...rest } = schema;
  const all = [rest, ...branches];
  const properties: Record<string, unknown> = {};
  for (const [name, wanted] of all.flatMap((branch) => Object.entries(isRecord(branch.properties) ? branch.properties : {}))) {
    const known = properties[name];
    properties[name] = known === undefined ? wanted : { anyOf: [known, wanted] };
  }
  const demanded = branches.map((branch) => listed(branch.required));
  const shared = Array.isArray(allOf)
    ? demanded.flat()
    : (demanded[0] ?? []).filter((name) => demanded.every((list) => list.includes(name)));
  const { additionalProperties: _closed, ...open } = rest;
  return { ...open, type: 'object', properties, required: [...new Set([...listed(rest.required), ...shared])] };
}

const listed = (value: unknown): string[] => (Array.isArray(value) ? value.filter((name) => typeof name === 'string') : []);
