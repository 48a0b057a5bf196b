import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';

/** What standard input is. `nothing`: closed, `/dev/null` or another device, as cron and systemd give it. */
export type StdinKind = 'terminal' | 'pipe' | 'file' | 'nothing';

export function stdinKind(descriptor = 0): StdinKind {
  if (isatty(descriptor)) return 'terminal';
  try {
    const stat = fstatSync(descriptor);
    // Some programs connect their children by sockets instead of pipes.
    if (stat.isFIFO() || stat.isSocket()) return 'pipe';
    return stat.isFile() ? 'file' : 'nothing';
  } catch {
    return 'nothing'; // closed
  }
}
