import { z } from 'zod';
import { pageOf, pageQuerySchema } from './session.ts';

export const roleSchema = z.enum(['admin', 'client']).meta({
  id: 'Role',
  description: '`admin` may do everything and see everything; `client` may use the agent and sees what it made itself.',
});
export type Role = z.infer<typeof roleSchema>;

export const KEY_NAME_CHARS_MAX = 100;
export const KEY_EXPIRY_YEARS_MAX = 10;

export const keySchema = z
  .object({
    id: z.string(),
    name: z.string(),
    role: roleSchema,
    state: z.enum(['active', 'expired', 'revoked']),
    createdBy: z.string().meta({ description: 'The principal that made it.' }),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().nullable(),
    lastUsedAt: z.iso.datetime().nullable(),
    revokedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'ApiKey' });
export type KeyView = z.infer<typeof keySchema>;

export const createdKeySchema = keySchema
  .extend({ key: z.string().meta({ description: 'The key itself, `hf_…`. Shown here and never again: only its digest is stored.' }) })
  .meta({ id: 'CreatedApiKey' });
export type CreatedKey = z.infer<typeof createdKeySchema>;

/** One line that a terminal and a table can show. */
const name = z
  .string()
  .max(KEY_NAME_CHARS_MAX)
  .refine((text) => text.trim() !== '', { error: 'must not be empty' })
  .refine((text) => text.isWellFormed() && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text), { error: 'must be one line of well-formed Unicode' });

export const keyCreateSchema = z
  .strictObject({
    name: name.meta({ description: 'Who or what uses the key. Sealed.' }),
    role: roleSchema.default('client'),
    expiresAt: z.iso
      .datetime({ offset: true, error: 'must be an ISO 8601 time such as 2027-01-31T12:00:00Z' })
      .optional()
      .meta({ description: `When it ends by itself; at most ${KEY_EXPIRY_YEARS_MAX} years ahead. Without it, never.` }),
  })
  .meta({ id: 'ApiKeyCreate', examples: [{ name: 'the website', role: 'client' }] });

export const keyListQuerySchema = pageQuerySchema.extend({
  revoked: z.enum(['true', 'false']).default('false').meta({ description: '`true`: revoked keys too.' }),
});
export const keyPageSchema = pageOf(keySchema);
