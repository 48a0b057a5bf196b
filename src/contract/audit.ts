import { z } from 'zod';
import { isoTimeSchema, pageOf, pageQuerySchema } from './session.ts';

const FILTER_MAX = 200;

export const auditQuerySchema = pageQuerySchema.extend({
  action: z.string().min(1).max(FILTER_MAX).optional(),
  principal: z.string().min(1).max(FILTER_MAX).optional(),
  since: isoTimeSchema.optional(),
});

export const auditRowSchema = z
  .object({
    /** Whose chain: one per process that writes. */
    writer: z.string(),
    /** From 1 in each chain, without gaps. */
    seq: z.number().int(),
    /** Null for a time that no calendar has. */
    at: z.iso.datetime().nullable(),
    principal: z.string(),
    action: z.string(),
    target: z.string(),
    requestId: z.string(),
    outcome: z.string(),
    /** Canonical JSON, '' when there is nothing to say. */
    detail: z.string(),
    hash: z.string(),
  })
  .meta({ id: 'AuditRow' });
export type AuditRow = z.infer<typeof auditRowSchema>;

/** With a filter a page may hold fewer rows than its limit, or none, and still have more. */
export const auditPageSchema = pageOf(auditRowSchema);

/** A place in the chain of this install, as `holdfast status` shows it and the log says every minute; kept outside, it shows what the data cannot. */
export const auditHeadSchema = z.strictObject({
  seq: z.number().int().min(1),
  /** SHA-256, hex. */
  hash: z.string().regex(/^[0-9a-f]{64}$/, { error: 'must be 64 hexadecimal digits' }),
});
export type AuditHead = z.infer<typeof auditHeadSchema>;

/** `<seq>:<hash>`; undefined for anything else. */
export function parseAuditHead(text: string): AuditHead | undefined {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-fA-F]{64})$/.exec(text.trim()) ?? [];
  return auditHeadSchema.safeParse({ seq: Number(seq), hash: hash?.toLowerCase() }).data;
}

export const AUDIT_HEADS_MAX = 20;
export const auditVerifyRequestSchema = z.strictObject({ heads: z.array(auditHeadSchema).max(AUDIT_HEADS_MAX).optional() });

/**
 * `changed`: the row is not what its hash says. `gap`: rows are missing. `link`: a whole row was replaced, the next one still vouches for the old one. `order`:
 * a row stands where none can. `stranger`: rows of a writer this install does not have. `cut`: the chain ends before a head it was given. `head`: it passed
 * that head with another row. `unreadable`: the data could not be read to its end.
 */
export const auditFindingSchema = z.object({
  kind: z.enum(['changed', 'gap', 'link', 'order', 'stranger', 'cut', 'head', 'unreadable']),
  writer: z.string(),
  seq: z.number(),
  /** Last of several rows, `seq` included. */
  toSeq: z.number().optional(),
  cause: z.string(),
});
export type AuditFinding = z.infer<typeof auditFindingSchema>;

export const auditVerificationSchema = z
  .object({
    ok: z.boolean(),
    rows: z.number().int(),
    /** Where the chain of this install ends now; worth keeping outside. */
    head: auditHeadSchema.nullable(),
    /** The first 1,000. */
    findings: z.array(auditFindingSchema),
    findingsTotal: z.number().int(),
    /** What this verification could not have seen. */
    undetectable: z.array(z.string()),
  })
  .meta({ id: 'AuditVerification' });
export type AuditVerification = z.infer<typeof auditVerificationSchema>;
