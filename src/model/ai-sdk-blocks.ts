// The blocks of an AI SDK answer as they come in: text, reasoning, calls, each with the metadata that must go back with it.
import type { Json, Part } from '../contract/message.ts';
import { joinMeta, type Mark, sealMark } from './ai-sdk-mark.ts';
import { argsFit, CALL_NAME, CALLS_MAX, isRecord, OWN_CALL_ID } from './foreign.ts';

type Given = Record<string, unknown>;

/** What is wrong with a call. */
export type CallFault = 'too_many_calls' | 'malformed_call' | 'oversized_call';

export interface Blocks {
  /** True when text was in it. */
  text(part: Given): boolean;
  /** True when reasoning was in it. */
  reasoning(part: Given): boolean;
  call(part: Given): CallFault | undefined;
  calls(): number;
  /** Text or a call has been seen. */
  spoke(): boolean;
  /** In order, signed by `provider` where something must go back to it. */
  parts(): Part[];
}

export interface BlocksOptions {
  provider: string;
  model: string;
  onText(text: string): void;
  /** Makes the ids of calls; must differ between answers. Those of providers are not unique enough to hang an effect on. */
  callSeed: string;
}

interface Block {
  id: unknown;
  part: Part;
  mark: Mark;
}

export function createBlocks({ provider, model, onText, callSeed }: BlocksOptions): Blocks {
  const blocks: Block[] = [];
  let calls = 0;
  /** The first half of a character that was cut in two. */
  let half = '';

  function open(id: unknown, part: Part, more: Partial<Mark> = {}): Block {
    const block: Block = { id, part, mark: { model, ...more } };
    blocks.push(block);
    return block;
  }

  /** The block under way, begun if the provider did not say so. */
  function blockOf(id: unknown, isReasoning: boolean): Block {
    const isIt = (block: Block) => block.id === id && block.part.type === 'text' && (block.mark.reasoning !== undefined) === isReasoning;
    return blocks.findLast(isIt) ?? open(id, { type: 'text', text: '' }, isReasoning ? { reasoning: '' } : {});
  }

  return {
    text({ type, id, delta, providerMetadata }) {
      // A provider may use an id again for a later block.
      const { part, mark } = type === 'text-start' ? open(id, { type: 'text', text: '' }) : blockOf(id, false);
      mark.meta = joinMeta(mark.meta, providerMetadata);
      if (part.type !== 'text' || typeof delta !== 'string' || delta === '') return false;
      const whole = half + delta;
      half = /[\uD800-\uDBFF]$/.test(whole) ? whole.slice(-1) : '';
      const text = whole.slice(0, whole.length - half.length).toWellFormed();
      part.text += text;
      if (text !== '') onText(text);
      return true;
    },
    reasoning({ type, id, delta, providerMetadata }) {
      const { mark } = type === 'reasoning-start' ? open(id, { type: 'text', text: '' }, { reasoning: '' }) : blockOf(id, true);
      mark.meta = joinMeta(mark.meta, providerMetadata);
      if (typeof delta !== 'string') return false;
      mark.reasoning += delta;
      return true;
    },
    call({ toolName, input, providerMetadata }) {
      if (++calls > CALLS_MAX) return 'too_many_calls';
      const args = argsOf(input);
      if (typeof toolName !== 'string' || !CALL_NAME.test(toolName) || args === undefined) return 'malformed_call';
      if (!argsFit(args)) return 'oversized_call';
      const { mark } = open(undefined, { type: 'call', callId: `${OWN_CALL_ID}${callSeed}_${calls}`, name: toolName, args });
      mark.meta = joinMeta(undefined, providerMetadata);
      return undefined;
    },
    calls: () => calls,
    spoke: () => blocks.some(({ part }) => part.type === 'call' || (part.type === 'text' && part.text !== '')),
    parts: () => blocks.flatMap((block) => signed(block, provider, calls > 0)),
  };
}

/** Without what is empty and says nothing to its provider. */
function signed({ part, mark }: Block, signedBy: string, hasCalls: boolean): Part[] {
  const isEmpty = part.type === 'text' && part.text === '';
  const signature = isWorthKeeping(mark, hasCalls) ? sealMark(mark) : undefined;
  if (signature === undefined || part.type === 'result') return isEmpty ? [] : [part];
  return [{ ...part, signature, signedBy }];
}

/** Names of things that a provider keeps on its side, or notes for readers. */
const USELESS = new Set(['itemId', 'annotations', 'citations', 'logprobs']);

/** Reasoning goes back if its provider signed it, or wants to see it beside the calls it led to. */
function isWorthKeeping({ reasoning, meta }: Mark, hasCalls: boolean): boolean {
  if (reasoning !== undefined) return meta !== undefined || (hasCalls && reasoning !== '');
  return Object.values(meta ?? {}).some((values) => Object.keys(values ?? {}).some((key) => !USELESS.has(key)));
}

function argsOf(input: unknown): Json | undefined {
  if (typeof input !== 'string') return isRecord(input) ? (input as Json) : undefined;
  if (input.trim() === '') return {};
  try {
    return JSON.parse(input) as Json;
  } catch {
    return undefined; // the model wrote no JSON
  }
}
