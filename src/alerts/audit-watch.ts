// Verifies the whole audit chain now and then, for nobody else reads old rows.
import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { AuditVerification } from '../contract/audit.ts';
import type { AuditReading } from './readings.ts';

/** The first look waits until a start has done its own work. */
const FIRST_MS_MAX = 10_000;

export interface AuditWatchParts {
  clock: Clock;
  log: Logger;
  /** 0 for never. */
  everyMs: number;
  verify(): Promise<AuditVerification>;
}

export interface AuditWatch {
  reading(): AuditReading;
  /** A verification somebody else asked for counts as well. */
  note(report: AuditVerification): void;
  start(): void;
  stop(): void;
}

export function createAuditWatch({ clock, log, everyMs, verify }: AuditWatchParts): AuditWatch {
  let reading: AuditReading = { state: 'unknown' };
  let timer: Timer | undefined;
  let stopped = false;

  function note({ ok, findings, findingsTotal, rows }: AuditVerification): void {
    const [first] = findings;
    const place = first ? ` Row ${first.seq}: ${first.cause}` : '';
    const count = `${findingsTotal} ${findingsTotal === 1 ? 'finding' : 'findings'}`;
    reading = ok ? { state: 'whole' } : { state: 'broken', cause: `The audit chain is not whole: ${count} in ${rows} rows.${place}` };
  }

  async function look(): Promise<void> {
    const startedAt = clock.monotonic();
    const report = await verify();
    note(report);
    const ms = Math.round(clock.monotonic() - startedAt);
    if (report.ok) log.debug('audit.verified', { count: report.rows, ms });
    else log.error('audit.broken', { count: report.findingsTotal, seq: report.findings[0]?.seq ?? 0, ms });
  }

  function plan(ms: number): void {
    timer = clock.after(ms, () => {
      void look()
        .catch((error: unknown) => log.warn('audit.look_failed', { error }))
        .then(() => (stopped ? undefined : plan(everyMs)));
    });
  }

  return {
    reading: () => reading,
    note,
    start() {
      if (everyMs > 0) plan(Math.min(everyMs, FIRST_MS_MAX));
    },
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}
