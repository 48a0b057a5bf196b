import { z } from 'zod';

export interface AlertRow {
  raisedWhen: string;
  clearedWhen: string;
  /** Names of the settings that move its threshold. */
  settings: readonly string[];
}

/** Every rule there is; `docs/reference/checks.md` lists them. */
export const ALERT_RULES = {
  error_rate: {
    raisedWhen: 'too many of the turns that ended lately were degraded or failed',
    clearedWhen: 'the share is below half the threshold, over a whole window or enough turns',
    settings: ['HOLDFAST_ALERT_ERROR_PERCENT', 'HOLDFAST_ALERT_ERROR_TURNS', 'HOLDFAST_ALERT_WINDOW_MS'],
  },
  model_down: {
    raisedWhen: 'a configured model keeps failing and is left alone for a while',
    clearedWhen: 'it answered again',
    settings: ['HOLDFAST_ALERT_MODEL_DOWN_MS'],
  },
  bad_key: { raisedWhen: 'a provider refuses the key', clearedWhen: 'the model answered again', settings: [] },
  disk_low: {
    raisedWhen: 'the disk of `HOLDFAST_HOME` has less room than the threshold',
    clearedWhen: 'it has a quarter more than the threshold',
    settings: ['HOLDFAST_ALERT_DISK_FREE_MB'],
  },
  store_readonly: { raisedWhen: 'the store takes no writes', clearedWhen: 'it takes them again', settings: [] },
  audit_broken: {
    raisedWhen: 'the audit chain is not whole, as the last look at it found',
    clearedWhen: 'a later look at all of it found nothing',
    settings: ['HOLDFAST_ALERT_AUDIT_MS'],
  },
  no_progress: {
    raisedWhen: 'an open turn has not ended for a long time, or is open in the data and nobody works on it',
    clearedWhen: 'no such turn is left',
    settings: ['HOLDFAST_ALERT_NO_PROGRESS_MS'],
  },
} as const satisfies Record<string, AlertRow>;

export type AlertRule = keyof typeof ALERT_RULES;

/** Something that needs an operator, said once when it begins and once when it is over. */
export const alertSchema = z
  .object({
    /** The rule, and after a colon the model it is about: stable while the alert lasts. */
    id: z.string(),
    rule: z.enum(Object.keys(ALERT_RULES) as [AlertRule, ...AlertRule[]]),
    severity: z.enum(['warning', 'error']),
    since: z.iso.datetime(),
    cause: z.string(),
    /** A command that can be run as it stands, what follows in a shell comment. */
    fix: z.string(),
  })
  .meta({ id: 'Alert' });
export type Alert = z.infer<typeof alertSchema>;

/** One of the two things said of an alert: the live feed and the webhook carry it. */
export const alertChangeSchema = z
  .object({ kind: z.enum(['raised', 'cleared']), at: z.iso.datetime(), alert: alertSchema })
  .meta({ id: 'AlertChange' });
export type AlertChange = z.infer<typeof alertChangeSchema>;
