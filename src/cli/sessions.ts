import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import type { MessageView } from '../contract/message.ts';
import type { SessionView } from '../contract/session.ts';
import type { Status } from '../contract/status.ts';
import type { CommonFlags, Context } from './context.ts';
import { parseCount } from './duration.ts';
import { CliError, EXIT, usageError } from './failure.ts';
import { fetchBody } from './http-client.ts';
import { plainLine } from './plain.ts';
import { runnable } from './program-files.ts';
import { readPages } from './read-pages.ts';
import { createFinder, type Target } from './target.ts';

const LIST_MAX = 10_000;
const MESSAGES_MAX = 100_000;

export async function listSessions(context: Context, flags: CommonFlags & { limit?: string }): Promise<number> {
  const limit = parseCount(flags.limit ?? '50', '--limit', { max: LIST_MAX, fix: 'holdfast sessions list --limit 50' });
  const { items, hasMore } = await readPages<SessionView>(createFinder(context).target(), '/v1/sessions', limit);
  const { out, err } = context.io;
  if (flags.json) {
    out.line(JSON.stringify({ data: items, hasMore }));
    return 0;
  }
  if (items.length === 0) err.line('No sessions yet.');
  for (const session of items) {
    const mark = session.current ? '*' : ' ';
    const messages = `${String(session.messageCount).padStart(5)} ${session.messageCount === 1 ? 'message ' : 'messages'}`;
    const title = plainLine(session.title ?? '', { terminal: out.isTerminal }, 60);
    out.line(`${mark} ${session.id}  ${session.updatedAt.slice(0, 16).replace('T', ' ')}  ${messages}  ${title}`.trimEnd());
  }
  if (hasMore) err.line(runnable(`There are more: holdfast sessions list --limit ${Math.min(LIST_MAX, limit * 4)}`));
  return 0;
}

export async function showSession(context: Context, id: string | undefined, flags: CommonFlags): Promise<number> {
  const target = createFinder(context).target();
  const { session, messages } = await readSession(target, await resolveId(target, id));
  const { out } = context.io;
  if (flags.json) {
    out.line(JSON.stringify({ session, messages }));
    return 0;
  }
  const line = (text: string) => plainLine(text, { terminal: out.isTerminal });
  out.line(`${out.paint('bold', session.id)}  ${line(session.title ?? '')}`.trimEnd());
  out.line(
    out.paint(
      'dim',
      `${session.messageCount} messages, ${session.turnCount} turns, since ${session.createdAt}${session.current ? ', current' : ''}`,
    ),
  );
  for (const message of messages) {
    const model = message.model === undefined ? '' : ` (${line(message.model)})`;
    out.line(`\n${out.paint('bold', message.role)}${model}  ${out.paint('dim', message.createdAt)}`);
    out.line(out.safe(message.text === '' ? describeParts(message) : message.text) + (message.incomplete ? ' […]' : ''));
  }
  return 0;
}

/** Always JSON, to stdout or to a file that only its owner can read. */
export async function exportSession(context: Context, id: string | undefined, flags: CommonFlags & { output?: string }): Promise<number> {
  const target = createFinder(context).target();
  const exported = await readSession(target, await resolveId(target, id));
  const { out, err } = context.io;
  if (flags.output === undefined || flags.output === '-') {
    out.line(JSON.stringify(exported, null, 2));
    return 0;
  }
  try {
    writeFileSync(flags.output, `${JSON.stringify(exported, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const why = error instanceof Error && 'code' in error && error.code === 'EEXIST' ? 'is there already' : 'cannot be written';
    throw new CliError(`${flags.output} ${why}.`, { exit: EXIT.failed, fix: 'name another file with --output', cause: error });
  }
  if (flags.json) out.line(JSON.stringify({ file: flags.output, messages: exported.messages.length }));
  else err.line(`Wrote ${exported.messages.length} messages to ${flags.output}. They are in clear there.`);
  return 0;
}

export async function deleteSession(context: Context, id: string, flags: CommonFlags & { yes?: boolean }): Promise<number> {
  const target = createFinder(context).target();
  const sessionId = await resolveId(target, id);
  if (!flags.yes) await confirm(context, sessionId);
  const erased = await fetchBody<{ id: string; erasure: string }>(target, {
    method: 'DELETE',
    path: `/v1/sessions/${encodeURIComponent(sessionId)}`,
  });
  const { out } = context.io;
  if (flags.json) out.line(JSON.stringify(erased));
  else out.line(`${out.paint('green', '✅ Session erased')} ${erased.id} (${out.safe(erased.erasure)})`);
  return 0;
}

async function confirm({ stdin, io: { err } }: Context, sessionId: string): Promise<void> {
  if (stdin.isTTY !== true || !err.isTerminal) {
    throw usageError('Erasing a session cannot be undone and needs a yes.', `holdfast sessions delete ${sessionId} --yes`);
  }
  const asking = createInterface({ input: stdin, output: process.stderr });
  const answer = await asking.question(`Erase ${sessionId} for good? [y/N] `);
  asking.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError('Nothing was erased.', { exit: EXIT.failed, code: 'declined' });
}

/** `current`, or nothing, is the agent's current session. */
async function resolveId(target: Target, id: string | undefined): Promise<string> {
  if (id !== undefined && id !== 'current') return id;
  const { currentSession } = await fetchBody<Status>(target, { path: '/v1/status' });
  if (!currentSession)
    throw new CliError('There is no current session.', { exit: EXIT.failed, fix: 'holdfast chat --new "Hello!"', code: 'not_found' });
  return currentSession.id;
}

async function readSession(target: Target, id: string): Promise<{ session: SessionView; messages: MessageView[] }> {
  const path = `/v1/sessions/${encodeURIComponent(id)}`;
  const session = await fetchBody<SessionView>(target, { path });
  const { items: messages } = await readPages<MessageView>(target, `${path}/messages`, MESSAGES_MAX);
  return { session, messages };
}

/** For messages that are only tool calls or results. */
function describeParts(message: MessageView): string {
  return message.parts
    .map((part) => {
      if (part.type === 'call') return `→ ${part.name}(${JSON.stringify(part.args)})`;
      return part.type === 'result' ? `← ${part.name}: ${part.outcome} ${JSON.stringify(part.value)}` : part.text;
    })
    .join('\n');
}
