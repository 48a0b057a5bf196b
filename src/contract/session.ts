import { z } from 'zod';
import { metadataSchema } from './chat.ts';

const title = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => text.isWellFormed(), { error: 'must be well-formed Unicode' });

export const sessionSchema = z
  .object({
    id: z.string(),
    title: z.string().nullable(),
    user: z.string().nullable(),
    metadata: z.record(z.string(), z.json()),
    messageCount: z.number().int(),
    turnCount: z.number().int(),
    /** True for the agent's current session, the one `holdfast chat` continues. */
    current: z.boolean(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Session' });
export type SessionView = z.infer<typeof sessionSchema>;

export const sessionCreateSchema = z
  .strictObject({
    title: title.optional(),
    user: z.string().min(1).max(256).optional(),
    metadata: metadataSchema.optional(),
    /** Make it the agent's current session. Admin only. */
    current: z.boolean().optional(),
  })
  .meta({ id: 'SessionCreate' });
export type SessionCreate = z.infer<typeof sessionCreateSchema>;

export const sessionPatchSchema = z
  .strictObject({ title: title.nullable().optional(), metadata: metadataSchema.optional(), current: z.literal(true).optional() })
  .meta({ id: 'SessionPatch', examples: [{ title: 'A title' }] });
export type SessionPatch = z.infer<typeof sessionPatchSchema>;

/** Erasing is done when this answers: `complete` means no key in the live store opens the session any more. */
export const erasureSchema = z.object({ id: z.string(), erasure: z.enum(['accepted', 'complete']) }).meta({ id: 'Erasure' });

export const isoTimeSchema = z.iso.datetime({ offset: true, error: 'must be an ISO 8601 time such as 2026-01-31T12:00:00Z' });

export const PAGE_LIMIT_MAX = 200;
export const pageQuerySchema = z.strictObject({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(PAGE_LIMIT_MAX).default(50),
});
/** Named after its item: a page of `Turn` is a `TurnPage`. Make it once per item. */
export const pageOf = <T extends z.ZodType>(item: T) => {
  const page = z.object({ data: z.array(item), nextCursor: z.string().nullable(), hasMore: z.boolean() });
  const id = item.meta()?.id;
  return id === undefined ? page : page.meta({ id: `${id}Page` });
};
export interface Page<T> {
  data: T[];
  nextCursor: string | null;
  hasMore: boolean;
}
