// What the `signature` of a part holds for AI SDK providers: their metadata, and their reasoning, to go back to the model that made them.
import type { SharedV4ProviderMetadata } from '@ai-sdk/provider';
import { isRecord, SIGNATURE_CHARS_MAX } from './foreign.ts';

export interface Mark {
  /** Reasoning is bound to the model that made it, not only to its provider. */
  model: string;
  /** Set for a block of reasoning; its part has no text. */
  reasoning?: string;
  meta?: SharedV4ProviderMetadata;
}

/** Undefined when it is larger than a record should be: the model then goes on without. */
export function sealMark(mark: Mark): string | undefined {
  const text = JSON.stringify(mark);
  return text.length > SIGNATURE_CHARS_MAX ? undefined : text;
}

/** Undefined for what another model made, or what is no mark of ours. */
export function openMark(signature: string | undefined, model: string): Mark | undefined {
  if (signature === undefined) return undefined;
  try {
    const mark: unknown = JSON.parse(signature);
    return isRecord(mark) && mark.model === model ? (mark as unknown as Mark) : undefined;
  } catch {
    return undefined; // stored by a version that wrote something else
  }
}

/** Later values win; what is not there yet (null) does not. */
export function joinMeta(known: SharedV4ProviderMetadata | undefined, more: unknown): SharedV4ProviderMetadata | undefined {
  if (!isRecord(more)) return known;
  const joined: Record<string, Record<string, unknown>> = { ...known };
  for (const [provider, values] of Object.entries(more)) {
    if (!isRecord(values)) continue;
    const said = Object.entries(values).filter(([, value]) => value !== null && value !== undefined);
    if (said.length > 0) joined[provider] = { ...joined[provider], ...Object.fromEntries(said) };
  }
  return Object.keys(joined).length === 0 ? undefined : (joined as SharedV4ProviderMetadata);
}
