import { z } from 'zod';

/** RFC 9457 problem details. `code` is stable; `title` is a safe sentence; `errors` name fields without quoting values. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string(),
    requestId: z.string(),
    detail: z.string().optional(),
    turnId: z.string().optional(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problemSchema>;
