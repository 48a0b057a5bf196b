import { homePaths } from '../base/home.ts';
import { LOG_LEVELS, logFilter, parseLogLine } from '../base/log-filter.ts';
import { followLog } from '../base/log-follow.ts';
import { readLogTail } from '../base/log-tail.ts';
import type { CommonFlags, Context } from './context.ts';
import { parseCount, parseSince } from './duration.ts';
import { CliError, EXIT, usageError } from './failure.ts';
import type { Channel, Style } from './io.ts';
import { plainLine } from './plain.ts';
import { createFinder, requireLocal } from './target.ts';

export interface LogsFlags extends CommonFlags {
  follow?: boolean;
  lines?: string;
  since?: string;
  level?: string;
  session?: string;
  turn?: string;
}

const LINES_MAX = 1_000_000;
const LEVEL_STYLES: Record<string, Style> = { debug: 'dim', info: 'cyan', warn: 'yellow', error: 'red' };

/** Reads the files, not the server: logs are there when the agent is not. `--json` gives the lines as they are, one document each. */
export async function logs(context: Context, flags: LogsFlags): Promise<number> {
  const count = parseCount(flags.lines ?? '100', '--lines', { max: LINES_MAX, fix: 'holdfast logs --lines 100' });
  const isWanted = filterOf(flags, context.clock.now());
  const finder = createFinder(context);
  requireLocal(finder, 'logs');
  const { log } = homePaths(finder.paths.home);
  const { out, err } = context.io;
  const print = (line: string) => out.line(flags.json ? out.safe(line) : renderLine(line, out));
  const tail = await readLogTail(log, { count, isWanted });
  if (!tail && !flags.follow) {
    throw new CliError(`There is no log yet (${log}).`, { exit: EXIT.failed, fix: 'holdfast start', code: 'not_found' });
  }
  for (const { text } of tail?.lines ?? []) print(text);
  if (!flags.follow) return EXIT.done;
  if (!tail) err.line('There is no log yet; waiting for one.');
  const interrupt = new AbortController();
  const release = context.onInterrupt(() => interrupt.abort());
  try {
    for await (const { gap, lines } of followLog(log, tail?.end, { clock: context.clock, signal: interrupt.signal })) {
      if (gap) err.line('Lines are missing here: they were rotated away before they could be read.');
      for (const { text } of lines) if (isWanted(text)) print(text);
    }
    return EXIT.interrupted;
  } finally {
    release();
  }
}

function filterOf(flags: LogsFlags, now: number): (line: string) => boolean {
  const level = LOG_LEVELS.find((name) => name === flags.level?.toLowerCase());
  if (flags.level !== undefined && !level)
    throw usageError(`--level must be one of: ${LOG_LEVELS.join(', ')}.`, 'holdfast logs --level warn');
  const since = flags.since === undefined ? undefined : parseSince(flags.since, '--since', { now, fix: 'holdfast logs --since 10m' });
  return logFilter({ level, since, sessionId: flags.session, turnId: flags.turn });
}

/** `time level event name=value …`, in local time. */
function renderLine(line: string, out: Channel): string {
  const safe = (text: string) => plainLine(text, { terminal: out.isTerminal });
  const entry = parseLogLine(line);
  if (!entry) return safe(line);
  const { time, level, event, ...fields } = entry;
  const name = String(level);
  const pairs = Object.entries(fields).map(([key, value]) => `${out.paint('dim', `${safe(key)}=`)}${safe(renderValue(value))}`);
  const word = out.paint(LEVEL_STYLES[name] ?? 'dim', safe(name).toUpperCase().padEnd(5));
  return [out.paint('dim', localTime(time)), word, out.paint('bold', safe(String(event))), ...pairs].join(' ');
}

function renderValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /[\s"=]/.test(text) && typeof value === 'string' ? JSON.stringify(text) : text;
}

/** The machine's own time, sortable; what is no time stays what it is. */
function localTime(time: unknown): string {
  const at = new Date(typeof time === 'string' || typeof time === 'number' ? time : Number.NaN);
  if (Number.isNaN(at.getTime())) return '-'.padEnd(23);
  const two = (value: number, digits = 2) => String(value).padStart(digits, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${two(at.getMilliseconds(), 3)}`;
}
