import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { defineTool } from './define-tool.ts';
import type { Tool } from './tool.ts';
import { ToolRefusal } from './tool-refusal.ts';

const input = z.object({
  timeZone: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('IANA time zone such as Europe/Berlin or UTC. Default: the time zone of the server.'),
});

/** Answers `{iso, timeZone, local, weekday}`. */
export function createCurrentTime(clock: Clock): Tool<z.infer<typeof input>> {
  return defineTool({
    name: 'current_time',
    description: 'The current date and time in a time zone.',
    input,
    repeatable: true,
    run({ timeZone }) {
      const now = new Date(clock.now());
      const zone = timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
      let format: Intl.DateTimeFormat;
      try {
        format = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long', timeZone: zone });
      } catch {
        throw new ToolRefusal('There is no such time zone. Use an IANA name such as Europe/Berlin.'); // RangeError of Intl
      }
      const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'long', timeZone: zone }).format(now);
      return { iso: now.toISOString(), timeZone: format.resolvedOptions().timeZone, local: format.format(now), weekday };
    },
  });
}
