import type { Figures } from '../agent/agent.ts';
import type { Status } from '../contract/status.ts';

/** The request figures as `/v1/status` and the live feed show them. */
export function presentFigures({
  accepted,
  completed,
  degraded,
  failed,
  cancelled,
  open,
  perMinute,
  latencyMs,
}: Figures): Status['requests'] {
  return { accepted, completed, degraded, failed, cancelled, open, perMinute, latencyMs };
}
