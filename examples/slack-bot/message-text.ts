// Between what Slack writes and what a model reads.
import type { Turn } from 'holdfast/client';

/** Slack cuts or refuses longer ones. */
export const SLACK_CHARS_MAX = 3_900;
const PIECES_MAX = 20;

/** The question without the mention of the bot, and without Slack's escapes. */
export const questionOf = (text: string): string =>
  text
    .replace(/<@[A-Z0-9]+(?:\|[^>]*)?>/g, ' ')
    .replace(/<(https?:[^|>]*)(?:\|[^>]*)?>/g, '$1')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .replace(/[ \t]+/g, ' ')
    .trim();

/** Escaped, a reply cannot call `<!channel>` or pass a link off as another, whatever the model was talked into. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

type Answered = Pick<Turn, 'status' | 'degraded' | 'reply' | 'incomplete' | 'notice'>;

/** What is shown for a turn, in messages that Slack takes. Never empty. */
export function messagesFor(turn: Answered | undefined): string[] {
  if (!turn || turn.status === 'failed') return [':warning: I could not answer this. It is kept; please ask again.'];
  if (turn.status === 'cancelled') return ['_This question was cancelled._'];
  const reply = turn.reply?.trim() || '(an empty reply)';
  if (!turn.degraded) return pieces(escaped(reply));
  const mark = turn.incomplete ? ':warning: _This answer is not complete._' : ':warning: _No model could answer just now._';
  return pieces([mark, escaped(reply), ...(turn.notice === undefined ? [] : [`_${escaped(turn.notice)}_`])].join('\n'));
}

/** Cuts at paragraphs, lines or words, and closes a code block at a cut to open it again after it. */
export function pieces(text: string, max = SLACK_CHARS_MAX): string[] {
  const found: string[] = [];
  let rest = text;
  while (rest.length > max && found.length < PIECES_MAX - 1) {
    // Room for the fence that closes a block.
    const room = max - 4;
    const cut = ['\n\n', '\n', ' '].map((mark) => rest.lastIndexOf(mark, room)).find((at) => at > room / 2) ?? wholeCharacter(rest, room);
    const head = rest.slice(0, cut);
    const isInBlock = (head.match(/```/g)?.length ?? 0) % 2 === 1;
    found.push(isInBlock ? `${head}\n\`\`\`` : head);
    rest = (isInBlock ? '```\n' : '') + rest.slice(cut).replace(/^\s+/, '');
  }
  found.push(rest.length > max ? `${rest.slice(0, wholeCharacter(rest, max - 1))}…` : rest);
  return found;
}

/** Not between the two halves of an emoji, nor inside an escape such as `&amp;`. */
function wholeCharacter(text: string, at: number): number {
  const entity = text.lastIndexOf('&', at);
  const end = text.indexOf(';', entity);
  if (entity !== -1 && end >= at && end - entity <= 4) return entity;
  const code = text.charCodeAt(at - 1);
  return code >= 0xd800 && code <= 0xdbff ? at - 1 : at;
}
