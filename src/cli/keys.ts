import { nearNames } from '../base/near-name.ts';
import type { CreatedKey, KeyView } from '../contract/key.ts';
import type { CommonFlags, Context } from './context.ts';
import { parseCount, parseDuration } from './duration.ts';
import { CliError, EXIT, usageError } from './failure.ts';
import { fetchBody } from './http-client.ts';
import { plainLine } from './plain.ts';
import { runnable } from './program-files.ts';
import { readPages } from './read-pages.ts';
import { createFinder, type Target } from './target.ts';

const ROLES = ['client', 'admin'];
const LIST_MAX = 10_000;
const NAME_SHOWN_MAX = 40;
/** Two revocations so close are one. */
const AGAIN_MS = 1_000;

/** stdout is the key and nothing else, so that it can be caught in a variable. */
export async function createKey(context: Context, name: string, flags: CommonFlags & { role?: string; expires?: string }): Promise<number> {
  const { role = 'client', expires } = flags;
  if (!ROLES.includes(role)) {
    const near = nearNames(role, ROLES, true)[0];
    const guess = near === undefined ? '' : ` Did you mean ${near}?`;
    throw usageError(`--role must be client or admin.${guess}`, `holdfast keys create <name> --role ${near ?? 'client'}`);
  }
  const lifeMs =
    expires === undefined ? undefined : parseDuration(expires, '--expires', `holdfast keys create ${shellWord(name)} --expires 90d`);
  if (lifeMs === 0) throw usageError('--expires must be longer than nothing.', 'holdfast keys create <name> --expires 90d');
  const expiresAt = lifeMs === undefined ? undefined : new Date(context.clock.now() + lifeMs).toISOString();
  const body = { name, role, ...(expiresAt === undefined ? {} : { expiresAt }) };
  const key = await fetchBody<CreatedKey>(createFinder(context).target(), { method: 'POST', path: '/v1/keys', body });
  const { out, err } = context.io;
  if (flags.json) {
    out.line(JSON.stringify(key));
    return EXIT.done;
  }
  err.line(`${err.paint('green', '✅ Key created')} ${key.id}  ${key.role}  ${endOf(key)}`);
  err.line(`It is shown this once: only its digest is stored. To end it: ${runnable(`holdfast keys revoke ${key.id}`)}`);
  out.line(key.key);
  return EXIT.done;
}

export async function listKeys(context: Context, flags: CommonFlags & { limit?: string; revoked?: boolean }): Promise<number> {
  const limit = parseCount(flags.limit ?? '50', '--limit', { max: LIST_MAX, fix: 'holdfast keys list --limit 50' });
  const filters: Record<string, string> = flags.revoked ? { revoked: 'true' } : {};
  const { items, hasMore } = await readPages<KeyView>(createFinder(context).target(), '/v1/keys', limit, filters);
  const { out, err } = context.io;
  if (flags.json) {
    out.line(JSON.stringify({ data: items, hasMore }));
    return EXIT.done;
  }
  if (items.length === 0) err.line(runnable('No keys yet. Fix: holdfast keys create <name>'));
  for (const key of items) {
    const used = key.lastUsedAt === null ? 'never used' : `used ${minute(key.lastUsedAt)}`;
    const name = plainLine(key.name, { terminal: out.isTerminal }, NAME_SHOWN_MAX);
    out.line(`${key.id}  ${key.role.padEnd(6)}  ${key.state.padEnd(7)}  ${used.padEnd(21)}  ${endOf(key)}  ${name}`.trimEnd());
  }
  if (hasMore) err.line(runnable(`There are more: holdfast keys list --limit ${Math.min(LIST_MAX, Math.max(limit, 1) * 4)}`));
  return EXIT.done;
}

/** No question is asked: who revokes a key is in a hurry, and an id is not typed by accident. */
export async function revokeKey(context: Context, id: string, flags: CommonFlags): Promise<number> {
  const target = createFinder(context).target();
  const began = context.clock.now();
  let key: KeyView;
  try {
    key = await fetchBody<KeyView>(target, { method: 'DELETE', path: `/v1/keys/${encodeURIComponent(id)}` });
  } catch (error) {
    throw error instanceof CliError && error.code === 'not_found' ? await noSuchKey(target, id) : error;
  }
  const { out } = context.io;
  // Only on this machine are both times of one clock.
  const isOld = target.isLocal && key.revokedAt !== null && Date.parse(key.revokedAt) < began - AGAIN_MS;
  const said = isOld ? `Key was revoked before, ${minute(key.revokedAt ?? '')}` : '✅ Key revoked';
  if (flags.json) out.line(JSON.stringify(key));
  else out.line(`${out.paint('green', said)} ${key.id}  ${plainLine(key.name, { terminal: out.isTerminal }, NAME_SHOWN_MAX)}`);
  return EXIT.done;
}

/** Names are for people and may be given twice, so a key is revoked by its id; who gave a name hears the id. */
async function noSuchKey(target: Target, given: string): Promise<CliError> {
  const { items } = await readPages<KeyView>(target, '/v1/keys', LIST_MAX);
  const named = items.filter(({ name }) => name === given).map(({ id }) => id);
  const nearName = nearNames(given, new Set(items.map(({ name }) => name)), true)[0];
  const near = [
    ...named,
    ...nearNames(
      given,
      items.map(({ id }) => id),
    ),
    ...items.filter(({ name }) => name === nearName).map(({ id }) => id),
  ].slice(0, 3);
  const guess = near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`;
  const fix = near[0] === undefined ? 'holdfast keys list' : `holdfast keys revoke ${near[0]}`;
  return new CliError(`There is no key with that id.${guess}`, { exit: EXIT.failed, fix, code: 'not_found' });
}

const shellWord = (text: string): string => (/^[\w.@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
const minute = (time: string): string => time.slice(0, 16).replace('T', ' ');
const endOf = ({ expiresAt, revokedAt }: KeyView): string =>
  revokedAt !== null ? `ended ${minute(revokedAt)}` : expiresAt === null ? 'no expiry' : `until ${minute(expiresAt)}`;
