// The built-in model: a real provider behind the same interface, with canned replies that say so. Deterministic.
import { setImmediate as breathe } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import type { Json, ModelMessage, Part, ResultPart } from '../contract/message.ts';
import type { Usage } from '../contract/turn.ts';
import type { CallLimits, ModelOutcome, ModelRequest, Provider } from './provider.ts';

/** Words between two pauses for the event loop. */
const WORDS_PER_PIECE = 4;
const QUOTE_CHARS_MAX = 200;
const NOTICE = 'I am the demo model: canned replies, no language model behind them.';
const HINT =
  'Ask me for the time, a sum, your name or what you said before. For real answers set GEMINI_API_KEY, OPENAI_API_KEY or ANTHROPIC_API_KEY and restart.';

export function createDemo(clock: Clock): Provider {
  async function generate(request: ModelRequest, limits: CallLimits, onText: (text: string) => void): Promise<ModelOutcome> {
    const parts = replyTo(request);
    let inputWords = 0;
    for (const message of request.messages)
      for (const part of message.parts) inputWords += part.type === 'text' ? countWords(part.text) : 1;
    const usage: Usage = { inputTokens: inputWords, outputTokens: 0 };
    for (const part of parts) {
      if (part.type !== 'text') continue;
      for (const piece of piecesOf(part.text)) {
        if (limits.signal.aborted) return { ok: false, kind: 'cancelled', code: 'cancelled', usage };
        if (clock.monotonic() >= limits.deadlineAt) return { ok: false, kind: 'deadline', code: 'deadline', usage };
        onText(piece);
        usage.outputTokens += countWords(piece);
        await breathe();
      }
    }
    return { ok: true, parts, finish: parts.some((part) => part.type === 'call') ? 'calls' : 'stop', usage };
  }
  return { name: 'demo', generate, close: async () => undefined };
}

function replyTo(request: ModelRequest): Part[] {
  const last = request.messages.at(-1);
  if (last?.role === 'tool') return [say(resultSentence(last))];
  const said = userTexts(request.messages);
  const text = said.at(-1) ?? '';
  return callFor(text, request) ?? [say(recall(text, said) ?? canned(text))];
}

const say = (text: string): Part => ({ type: 'text', text });

/** A tool call when the user asks for the time or a sum and the tool is there. */
function callFor(text: string, request: ModelRequest): Part[] | undefined {
  const has = (name: string) => request.tools.some((tool) => tool.name === name);
  const call = (name: string, args: Json): Part[] => [{ type: 'call', callId: `demo_${fingerprint(request.messages)}`, name, args }];
  const expression = sumIn(text);
  if (expression !== undefined && has('calculate')) return call('calculate', { expression });
  if (/\b(what|which|tell|current|now)\b.*\b(time|date|day)\b|\bwhat'?s the time\b/i.test(text.slice(0, 500)) && has('current_time')) {
    const zone = zoneIn(text);
    return call('current_time', zone ? { timeZone: zone } : {});
  }
  return undefined;
}

/** A time zone by its name, or by the city that gave the zone its name: `Europe/Berlin`, `in Berlin`, `in New York`. */
function zoneIn(text: string): string | undefined {
  const named = /\b(UTC|[A-Z][A-Za-z_]{2,20}\/[A-Z][A-Za-z_]{2,30})\b/.exec(text)?.[1];
  if (named) return named;
  const city = /\b(?:in|at|for)\s+([A-Z][a-z]+(?:\s[A-Z][a-z]+){0,2})/.exec(text.slice(0, 500))?.[1]?.replaceAll(' ', '_');
  return city && Intl.supportedValuesOf('timeZone').find((zone) => zone.endsWith(`/${city}`));
}

/** An arithmetic expression inside a sentence: `12 * (3 + 4)`, `sum of 3 and 4`, `3 plus 4`. */
function sumIn(text: string): string | undefined {
  const plain = text
    .slice(0, 500)
    .replace(/(\d)\s*(?:plus|and)\s*(?=\d)/gi, '$1 + ')
    .replace(/(\d)\s*minus\s*(?=\d)/gi, '$1 - ')
    .replace(/(\d)\s*(?:times|multiplied by)\s*(?=\d)/gi, '$1 * ')
    .replace(/(\d)\s*divided by\s*(?=\d)/gi, '$1 / ');
  if (plain !== text.slice(0, 500) && !/\b(sum|add|plus|minus|times|multiplied|divided)\b/i.test(text)) return undefined;
  const found = /[(\d.][\d\s.()+*/^%-]*[\d)]/.exec(plain)?.[0]?.trim();
  return found && /\d\s*\)*\s*[-+*/^%]\s*\(*\s*\d/.test(found) && !/^\d{4}-\d{2}-\d{2}$/.test(found) ? found : undefined;
}

/** What the conversation itself answers. */
function recall(text: string, said: string[]): string | undefined {
  const earlier = said.slice(0, -1);
  if (/\bmy name\b.*\?|\bwhat(?:'s| is) my name\b|\bwho am i\b/i.test(text.slice(0, 500))) {
    const name = earlier
      .map((line) => /\bmy name is\s+([\p{L}\p{M}'-]{1,60})/iu.exec(line.slice(0, 2_000))?.[1])
      .findLast((found) => found !== undefined);
    return name ? `You told me your name: ${name}.` : 'You have not told me your name in this conversation.';
  }
  if (/\bhow many (?:messages|things|times)\b/i.test(text.slice(0, 500)))
    return `You have sent ${said.length} messages that I can see, this one included.`;
  if (/\b(?:did i|have i|i) (?:say|said|tell|told|ask|asked|write|wrote)\b/i.test(text.slice(0, 500))) {
    const which = /\bfirst\b/i.test(text) ? earlier[0] : earlier.at(-1);
    return which === undefined ? 'This is your first message here.' : `You said: "${quote(which)}"`;
  }
  const name = /\bmy name is\s+([\p{L}\p{M}'-]{1,60})/iu.exec(text.slice(0, 2_000))?.[1];
  return name ? `Hello, ${name}. I will remember that in this conversation. ${NOTICE}` : undefined;
}

function canned(text: string): string {
  return `${NOTICE} You wrote: "${quote(text)}". ${HINT}`;
}

function resultSentence(message: ModelMessage): string {
  const results = message.parts.filter((part): part is ResultPart => part.type === 'result');
  return results.map((result) => `${oneResult(result)} (demo model, with the tool ${result.name})`).join(' ');
}

function oneResult({ outcome, value }: ResultPart): string {
  if (outcome === 'unknown') return 'I do not know what came of the tool call; it was not run again.';
  const fields = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : { value };
  if (outcome === 'error') return `The tool could not do it: ${quote(String(fields.error ?? JSON.stringify(value)))}`;
  if (typeof fields.expression === 'string') return `${quote(fields.expression)} = ${String(fields.result)}`;
  if (typeof fields.local === 'string') return `It is ${quote(fields.local)} (${quote(String(fields.timeZone))}).`;
  return `The tool answered ${quote(JSON.stringify(value))}`;
}

function userTexts(messages: readonly ModelMessage[]): string[] {
  return messages
    .filter((message) => message.role === 'user')
    .flatMap((message) => message.parts.flatMap((part) => (part.type === 'text' && part.text !== '' ? [part.text] : [])));
}

function quote(text: string): string {
  const points = Array.from(text.slice(0, QUOTE_CHARS_MAX * 2));
  return points.length > QUOTE_CHARS_MAX ? `${points.slice(0, QUOTE_CHARS_MAX).join('')}…` : points.join('');
}

function countWords(text: string): number {
  return text.split(/\s+/).filter((word) => word !== '').length;
}

/** A text in pieces of a few words; joined they are the text. */
function piecesOf(text: string): string[] {
  const words = text.match(/\s*\S+\s*$|\s*\S+/g) ?? [text];
  const pieces: string[] = [];
  for (let at = 0; at < words.length; at += WORDS_PER_PIECE) pieces.push(words.slice(at, at + WORDS_PER_PIECE).join(''));
  return pieces;
}

/** FNV-1a over the conversation: the same conversation asks with the same call id, a later step with another. */
function fingerprint(messages: readonly ModelMessage[]): string {
  let hash = 0x811c9dc5;
  for (const char of JSON.stringify(messages)) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return `${messages.length}_${(hash >>> 0).toString(36)}`;
}
