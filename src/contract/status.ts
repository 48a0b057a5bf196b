import { z } from 'zod';
import { alertSchema } from './alert.ts';
import { findingSchema } from './finding.ts';

export const checkSchema = z
  .object({
    id: z.string(),
    status: z.enum(['ok', 'degraded', 'down']),
    detail: z.string().optional(),
    fix: z.string().optional(),
  })
  .meta({ id: 'Check' });
export type Check = z.infer<typeof checkSchema>;

export const lifecycleStateSchema = z.enum(['starting', 'ready', 'draining', 'stopped', 'failed']);

export const healthSchema = z
  .object({
    status: z.enum(['ok', 'degraded', 'down']),
    state: lifecycleStateSchema,
    version: z.string().optional(),
    uptimeS: z.number().optional(),
    checks: z.record(z.string(), checkSchema).optional(),
  })
  .meta({ id: 'Health' });
export type Health = z.infer<typeof healthSchema>;

export const modelStateSchema = z
  .object({
    name: z.string(),
    state: z.enum(['ok', 'open', 'bad_key', 'unconfigured']),
    lastFailure: z.string().optional(),
    fix: z.string().optional(),
  })
  .meta({ id: 'ModelState' });
export type ModelState = z.infer<typeof modelStateSchema>;

/** `deep`: look closer, which takes seconds and makes one small labelled call to each configured model. */
export const statusQuerySchema = z.object({ deep: z.enum(['true', 'false']).optional() });

export const statusSchema = z
  .object({
    agentId: z.string(),
    name: z.string(),
    version: z.string(),
    environment: z.enum(['development', 'production']),
    state: lifecycleStateSchema,
    health: z.enum(['ok', 'degraded', 'down']),
    pid: z.number().int(),
    startedAt: z.iso.datetime(),
    uptimeS: z.number(),
    /** Names of the tools a model may ask for, the built-in ones first, and of the author's middleware in the order they run. */
    tools: z.array(z.string()),
    middleware: z.array(z.string()),
    currentSession: z.object({ id: z.string(), messageCount: z.number().int(), restored: z.boolean() }).nullable(),
    models: z.array(modelStateSchema),
    /** Since this process started; `open` is now, `accepted` and the outcomes `allTime` come from the store. */
    requests: z.object({
      accepted: z.number().int(),
      completed: z.number().int(),
      degraded: z.number().int(),
      failed: z.number().int(),
      cancelled: z.number().int(),
      open: z.number().int(),
      perMinute: z.number(),
      latencyMs: z.object({ p50: z.number(), p95: z.number(), p99: z.number() }).nullable(),
    }),
    stored: z.object({ sessions: z.number().int(), turns: z.number().int(), messages: z.number().int() }),
    memory: z.object({ rssBytes: z.number().int(), heapUsedBytes: z.number().int() }),
    auditHead: z.object({ seq: z.number().int(), hash: z.string() }).nullable(),
    /** Alerts that are not over, oldest first. */
    alerts: z.array(alertSchema),
    checks: z.record(z.string(), checkSchema),
    /** Only when asked for with `deep=true`. */
    findings: z.array(findingSchema).optional(),
  })
  .meta({ id: 'Status' });
export type Status = z.infer<typeof statusSchema>;
