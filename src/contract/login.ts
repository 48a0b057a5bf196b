import { z } from 'zod';
import { roleSchema } from './key.ts';
import { pageOf } from './session.ts';

/** What somebody proves themselves with; its length bounds what is hashed for a stranger. */
const proof = z.string().regex(/^[\x21-\x7e]{1,512}$/, { error: 'must be 1 to 512 visible ASCII characters' });

export const loginRequestSchema = z
  .strictObject({
    token: proof.optional().meta({ description: 'Of a one-time link: what follows `#login=`.' }),
    key: proof.optional().meta({ description: 'Or an API key: the sign-in acts as that key and ends with it.' }),
  })
  .refine(({ token, key }) => (token === undefined) !== (key === undefined), { error: 'needs either token or key' })
  .meta({ id: 'LoginRequest', examples: [{ key: 'hf_0123456789abcdefghjkmnpqrs' }] });

export const loginLinkSchema = z
  .object({
    token: z.string().meta({ description: 'Signs in once.' }),
    fragment: z.string().meta({ description: 'To be put behind the address of the dashboard; browsers do not send it to servers.' }),
    url: z.string().nullable().meta({ description: 'The whole link when `HOLDFAST_PUBLIC_URL` is set.' }),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'LoginLink' });
export type LoginLink = z.infer<typeof loginLinkSchema>;

export const loginSchema = z
  .object({
    id: z.string(),
    principal: z.string().meta({ description: 'As whom it acts: `operator`, or the key it was made with and ends with.' }),
    role: roleSchema,
    how: z.enum(['link', 'key']),
    /** The one this request was made with. */
    current: z.boolean(),
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    idleExpiresAt: z.iso.datetime().meta({ description: 'When it ends unless it is used before.' }),
  })
  .meta({ id: 'Login' });
export type LoginView = z.infer<typeof loginSchema>;
export const loginPageSchema = pageOf(loginSchema);

export const loginEndSchema = z.object({ id: z.string(), ended: z.boolean() }).meta({ id: 'LoginEnd' });

/** Who the caller is, for programs that show it. */
export const meSchema = z
  .object({
    principal: z.string(),
    role: roleSchema,
    how: z.enum(['key', 'admin_key', 'local_token', 'login']).meta({
      description: 'An API key, HOLDFAST_ADMIN_KEY, the token of the local command line, or the cookie of a sign-in.',
    }),
    name: z.string().nullable().meta({ description: 'The name of the key behind it.' }),
    expiresAt: z.iso.datetime().nullable(),
    login: loginSchema.nullable(),
  })
  .meta({ id: 'Me' });
export type Me = z.infer<typeof meSchema>;
