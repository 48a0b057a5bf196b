// Limits and checks for what a model or its provider sends: all of it is foreign.
import type { Json } from '../contract/message.ts';

/** Ids of calls that we made up, because the provider gave none or none that is unique enough; Gemini never sees them. */
export const OWN_CALL_ID = 'hfc_';
export const CALLS_MAX = 64;
export const CALL_NAME = /^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$/;
export const SIGNATURE_CHARS_MAX = 256 * 1024;
const ARGS_CHARS_MAX = 256 * 1024;
const ARGS_DEPTH_MAX = 64;
const TOKENS_MAX = 1e9;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A number of tokens; absent or absurd ones count as 0. */
export function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? Math.min(value, TOKENS_MAX) : 0;
}

/** Arguments of a call that can be stored and sent on. */
export function argsFit(args: Json): boolean {
  return depthWithin(args, ARGS_DEPTH_MAX) && JSON.stringify(args).length <= ARGS_CHARS_MAX;
}

function depthWithin(value: Json, left: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (left === 0) return false;
  return (Array.isArray(value) ? value : Object.values(value)).every((inner) => depthWithin(inner, left - 1));
}
