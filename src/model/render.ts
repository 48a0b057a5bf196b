import type { CallPart, ModelMessage, Part, ResultPart } from '../contract/message.ts';

/** What a model is told about a call whose outcome nobody knows. */
export const UNKNOWN_OUTCOME = 'outcome unknown: not run again';

/**
 * The stored history as `provider` may see it. Pure; messages that need no change are returned as they are. The result starts with `user`, no two neighbours have
 * the same role, every `call` is answered in the `tool` message right after it and every `result` has its call there. Empty parts, orphan results and signatures of other providers
 * are gone.
 */
export function renderHistory(messages: readonly ModelMessage[], provider: string): ModelMessage[] {
  const slots = pairCalls(messages);
  const rendered: ModelMessage[] = [];
  messages.forEach((message, at) => {
    // Results are placed by their calls; a tool message by itself places nothing.
    if (message.role !== 'user' && message.role !== 'assistant') return;
    if (rendered.length === 0 && message.role !== 'user') return;
    const parts = keepParts(message, provider);
    if (parts.length === 0) return;
    append(rendered, message.role, parts === message.parts ? message : { role: message.role, parts });
    const answers = slots.get(at);
    if (answers) append(rendered, 'tool', { role: 'tool', parts: answers.map(answerOf) });
  });
  return rendered;
}

/** Adds a message, or its parts to the last one of the same role. */
function append(rendered: ModelMessage[], role: ModelMessage['role'], message: ModelMessage): void {
  const last = rendered.at(-1);
  if (last?.role === role) rendered[rendered.length - 1] = { role, parts: [...last.parts, ...message.parts] };
  else rendered.push(message);
}

/** The parts this role may carry, without empty ones and foreign signatures; the same array when nothing changes. */
function keepParts(message: ModelMessage, provider: string): Part[] {
  const kept: Part[] = [];
  let same = true;
  for (const part of message.parts) {
    const clean = keepPart(part, message.role, provider);
    if (clean) kept.push(clean);
    if (clean !== part) same = false;
  }
  return same ? message.parts : kept;
}

function keepPart(part: Part, role: ModelMessage['role'], provider: string): Part | undefined {
  if (part.type === 'result' || (part.type === 'call' && role !== 'assistant')) return undefined;
  const ours = part.signature !== undefined && part.signedBy === provider && role === 'assistant';
  // An empty text may be all there is of a signed thought.
  if (part.type === 'text' && part.text === '' && !ours) return undefined;
  if (ours || (part.signature === undefined && part.signedBy === undefined)) return part;
  const { signature: _foreign, signedBy: _by, ...rest } = part;
  return rest;
}

interface Slot {
  call: CallPart;
  /** Index of the call's message. */
  at: number;
  result?: ResultPart;
}

/**
 * The calls of each assistant message with their results. A model may use an id again: then results go to the calls in order, and a call still open when
 * a later message uses its id stays open.
 */
function pairCalls(messages: readonly ModelMessage[]): Map<number, Slot[]> {
  const slots = new Map<number, Slot[]>();
  const open = new Map<string, Slot[]>();
  messages.forEach((message, at) => {
    for (const part of message.parts) {
      if (part.type === 'call' && message.role === 'assistant') {
        const slot = { call: part, at };
        pushTo(slots, at, slot);
        if (open.get(part.callId)?.[0]?.at !== at) open.set(part.callId, []);
        pushTo(open, part.callId, slot);
      } else if (part.type === 'result' && message.role === 'tool') {
        const slot = open.get(part.callId)?.shift();
        if (slot) slot.result = part;
      }
    }
  });
  return slots;
}

function pushTo<Key>(map: Map<Key, Slot[]>, key: Key, slot: Slot): void {
  const list = map.get(key);
  if (list) list.push(slot);
  else map.set(key, [slot]);
}

function answerOf({ call, result }: Slot): ResultPart {
  if (!result) return { type: 'result', callId: call.callId, name: call.name, outcome: 'unknown', value: UNKNOWN_OUTCOME };
  return result.name === call.name ? result : { ...result, name: call.name };
}
