import { z } from 'zod';

export const MESSAGE_CHARS_MAX = 262_144;
export const METADATA_BYTES_MAX = 16_384;

/** Text that is stored comes back byte for byte, so what UTF-8 cannot carry (lone surrogates) is refused. */
const exactText = (max: number) =>
  z
    .string()
    .max(max)
    .refine((text) => text.isWellFormed(), { error: 'must be well-formed Unicode (it has a lone surrogate)' });

const sessionIdSchema = z.string().regex(/^ses_[0-9a-z]{26}$/, { error: 'must be a session id (ses_…)' });

export const metadataSchema = z
  .record(exactText(128), z.json())
  .refine((value) => JSON.stringify(value).length <= METADATA_BYTES_MAX, { error: `must be at most ${METADATA_BYTES_MAX} bytes of JSON` });

export const chatRequestSchema = z
  .strictObject({
    message: exactText(MESSAGE_CHARS_MAX).refine((text) => text.trim() !== '', { error: 'must not be empty' }),
    sessionId: sessionIdSchema.optional().meta({ description: 'Continue this session; without it a new one is made.' }),
    user: exactText(256).min(1).optional().meta({ description: 'Your id for the end user the session is about. Sealed.' }),
    stream: z.boolean().optional(),
    model: exactText(200).min(1).optional().meta({ description: '`provider/model`, tried before the configured fallback order.' }),
    deadlineMs: z.number().int().min(1).max(86_400_000).optional().meta({ description: 'Clamped by the server.' }),
    onUnavailable: z.enum(['fallback', 'error', 'wait']).optional(),
    whileBusy: z.enum(['queue', 'reject', 'interrupt']).optional(),
    metadata: metadataSchema.optional(),
  })
  .meta({ id: 'ChatRequest', examples: [{ message: 'Hello!' }] });
export type ChatRequest = z.infer<typeof chatRequestSchema>;

/** Body of `POST /v1/turns/{id}/retry`; all optional. */
export const retryRequestSchema = chatRequestSchema
  .pick({ stream: true, model: true, deadlineMs: true, onUnavailable: true })
  .meta({ id: 'RetryRequest' });
export type RetryRequest = z.infer<typeof retryRequestSchema>;
