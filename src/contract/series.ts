import { z } from 'zod';

/** Windows and steps in seconds. */
export const WINDOWS = { '15m': 900, '1h': 3_600, '24h': 86_400, '7d': 604_800 } as const;
export const STEPS = { '10s': 10, '30s': 30, '1m': 60, '5m': 300, '15m': 900, '1h': 3_600 } as const;
export type WindowName = keyof typeof WINDOWS;
export type StepName = keyof typeof STEPS;

const DEFAULT_STEPS: Record<WindowName, StepName> = { '15m': '10s', '1h': '10s', '24h': '5m', '7d': '1h' };
/** Most and fewest points of an answer. */
const POINTS_MAX = 1_500;
const POINTS_MIN = 3;

const names = <T extends object>(table: T) => Object.keys(table) as [keyof T & string, ...(keyof T & string)[]];
const fits = (window: WindowName, step: StepName) => {
  const points = WINDOWS[window] / STEPS[step];
  // Finer than a minute is known of the last hour only.
  return points >= POINTS_MIN && points <= POINTS_MAX && (STEPS[step] >= 60 || WINDOWS[window] <= 3_600);
};
export const stepsOf = (window: WindowName): StepName[] => names(STEPS).filter((step) => fits(window, step));

export const seriesQuerySchema = z
  .strictObject({
    window: z
      .enum(names(WINDOWS), { error: `must be one of ${names(WINDOWS).join(', ')}` })
      .default('1h')
      .meta({ description: 'How far back from now.' }),
    step: z
      .enum(names(STEPS), { error: `must be one of ${names(STEPS).join(', ')}` })
      .optional()
      .meta({ description: 'Time from point to point. Absent: what suits the window.' }),
  })
  .superRefine(({ window, step }, context) => {
    if (step === undefined || fits(window, step)) return;
    context.addIssue({ code: 'custom', path: ['step'], message: `must be one of ${stepsOf(window).join(', ')} for a window of ${window}` });
  });
export const stepOf = (window: WindowName, step: StepName | undefined): StepName => step ?? DEFAULT_STEPS[window];

/** One value for each time; null where nothing was measured, because the agent was not running. */
const column = z.array(z.number().nullable());
const columns = z.record(z.string(), column);
const percentiles = z.object({ p50: column, p95: column, p99: column });

/** Columns of equal length, ready to be drawn. Counts are per step. */
export const seriesSchema = z
  .object({
    window: z.enum(names(WINDOWS)),
    stepS: z.number().int(),
    /** Start of each step, seconds since 1970, rising. The last step is still under way. */
    times: z.array(z.number().int()),
    accepted: column,
    outcomes: z.object({ completed: column, degraded: column, failed: column, cancelled: column }),
    /** Of turns that ended in the step, all outcomes, milliseconds; null also where no turn ended. From merged histogram buckets. */
    latencyMs: percentiles,
    firstTokenMs: percentiles,
    tokens: z.object({ input: column, output: column }),
    /** What went wrong: turns by reason, requests by problem code, model calls by failure code. Only those that occur in the window. */
    errors: z.object({ reasons: columns, problems: columns, models: columns }),
    /** By `provider/model`. */
    modelCalls: z.record(z.string(), z.object({ ok: column, failed: column })),
    /** The highest value seen in the step. */
    memory: z.object({ rssBytes: column, heapUsedBytes: column }),
    eventLoopDelayMs: column,
    openTurns: column,
  })
  .meta({ id: 'Series' });
export type Series = z.infer<typeof seriesSchema>;
export type Column = z.infer<typeof column>;
