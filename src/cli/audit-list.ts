import type { AuditRow } from '../contract/audit.ts';
import type { CommonFlags, Context } from './context.ts';
import { parseCount, parseSince } from './duration.ts';
import { EXIT } from './failure.ts';
import { plainLine } from './plain.ts';
import { runnable } from './program-files.ts';
import { readPages } from './read-pages.ts';
import { createFinder } from './target.ts';

export interface AuditListFlags extends CommonFlags {
  limit?: string;
  action?: string;
  principal?: string;
  since?: string;
}

const LIST_MAX = 100_000;

export async function listAudit(context: Context, flags: AuditListFlags): Promise<number> {
  const limit = parseCount(flags.limit ?? '50', '--limit', { max: LIST_MAX, fix: 'holdfast audit list --limit 50' });
  const { action, principal } = flags;
  const since =
    flags.since === undefined
      ? undefined
      : parseSince(flags.since, '--since', { now: context.clock.now(), fix: 'holdfast audit list --since 24h' });
  const filters = {
    ...(action === undefined ? {} : { action }),
    ...(principal === undefined ? {} : { principal }),
    ...(since === undefined ? {} : { since: new Date(since).toISOString() }),
  };
  const { items, hasMore } = await readPages<AuditRow>(createFinder(context).target(), '/v1/audit', limit, filters);
  const { out, err } = context.io;
  if (flags.json) {
    out.line(JSON.stringify({ data: items, hasMore }));
    return EXIT.done;
  }
  const safe = (text: string) => plainLine(text, { terminal: out.isTerminal });
  if (items.length === 0) err.line('No audit rows match.');
  for (const { seq, at, principal: who, action: what, target, outcome, detail } of items) {
    const time = at === null ? 'no time'.padEnd(19) : at.slice(0, 19).replace('T', ' ');
    out.line(
      `${String(seq).padStart(7)}  ${time}  ${safe(who)}  ${safe(what)}  ${safe(target)}  ${safe(outcome)}  ${safe(detail)}`.trimEnd(),
    );
  }
  if (hasMore) err.line(runnable(`There are more: holdfast audit list --limit ${Math.min(LIST_MAX, Math.max(limit, 1) * 4)}`));
  return EXIT.done;
}
