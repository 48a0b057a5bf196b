import { z } from 'zod';

/** JSON as it travels in tool arguments and results. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * One piece of a message, provider-neutral. A `call` is paired with the `result` of the same `callId`;
 * `signature` is opaque provider data (Gemini's thought signature) that must go back unchanged to the provider named in `signedBy`.
 */
export const partSchema = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('text'), text: z.string(), signature: z.string().optional(), signedBy: z.string().optional() }),
    z.object({
      type: z.literal('call'),
      callId: z.string(),
      name: z.string(),
      args: z.json(),
      signature: z.string().optional(),
      signedBy: z.string().optional(),
    }),
    z.object({
      type: z.literal('result'),
      callId: z.string(),
      name: z.string(),
      outcome: z.enum(['ok', 'error', 'unknown']),
      value: z.json(),
    }),
  ])
  .meta({ id: 'Part' });
export type Part = z.infer<typeof partSchema>;
/** The text a person reads of a message: pieces of one step follow each other, steps are set apart. */
export const partsText = (parts: readonly Part[]): string =>
  parts.reduce((text, part) => (part.type === 'text' ? text + part.text : text), '');
/** Between the text of one model step and the next, in the stream and in the stored reply alike. */
export const STEP_GAP = '\n\n';
export const joinSteps = (texts: readonly string[]): string => texts.filter((text) => text !== '').join(STEP_GAP);

export type TextPart = Extract<Part, { type: 'text' }>;
export type CallPart = Extract<Part, { type: 'call' }>;
export type ResultPart = Extract<Part, { type: 'result' }>;

/** `fallback` is our own honest sentence; it is shown to people and never to a model. */
export const roleSchema = z.enum(['user', 'assistant', 'tool', 'fallback']);
export type Role = z.infer<typeof roleSchema>;

/** What a model sees: `fallback` never appears here. */
export interface ModelMessage {
  role: 'user' | 'assistant' | 'tool';
  parts: Part[];
}

export const modelMessagesSchema = z.array(z.object({ role: z.enum(['user', 'assistant', 'tool']), parts: z.array(partSchema) }));

/** A message of a session, as the API shows it. `incomplete` marks a reply that was cut short. */
export const messageSchema = z
  .object({
    id: z.string(),
    sessionId: z.string(),
    turnId: z.string(),
    seq: z.number().int(),
    role: roleSchema,
    parts: z.array(partSchema),
    text: z.string(),
    incomplete: z.boolean().optional(),
    model: z.string().optional(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Message' });
export type MessageView = z.infer<typeof messageSchema>;
