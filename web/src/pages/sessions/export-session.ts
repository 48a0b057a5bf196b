// A session as a file: JSON with everything the API gives, or Markdown for people.
import type { MessageView } from '../../../../src/contract/message.ts';
import type { SessionView } from '../../../../src/contract/session.ts';

const SPEAKERS: Record<MessageView['role'], string> = {
  user: 'User',
  assistant: 'Agent',
  tool: 'Tool',
  fallback: 'Agent (degraded reply)',
};

/** Longer than any run of backticks in the text, so that nothing in it ends the block. */
function fenced(text: string, language: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

function bodyOf({ parts, incomplete }: MessageView): string {
  const pieces = parts.map((part) => {
    if (part.type === 'text') return part.text;
    if (part.type === 'call') return `Called \`${part.name}\`\n\n${fenced(JSON.stringify(part.args, null, 2), 'json')}`;
    return `\`${part.name}\`: ${part.outcome}\n\n${fenced(JSON.stringify(part.value, null, 2), 'json')}`;
  });
  return [...pieces.filter((piece) => piece !== ''), ...(incomplete ? ['*(cut short)*'] : [])].join('\n\n');
}

export function toMarkdown(session: SessionView, messages: readonly MessageView[]): string {
  const head = `# ${session.title ?? 'Untitled session'}\n\n\`${session.id}\`, ${session.createdAt} to ${session.updatedAt}\n`;
  const said = messages.map((message) => `## ${SPEAKERS[message.role]}, ${message.createdAt}\n\n${bodyOf(message)}\n`);
  return [head, ...said].join('\n');
}

export const toJson = (session: SessionView, messages: readonly MessageView[]): string =>
  `${JSON.stringify({ session, messages }, null, 2)}\n`;
