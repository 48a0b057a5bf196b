// Shows a reply as it comes. On a terminal it streams; in a pipe stdout gets the final reply and nothing that was taken back.
import type { TurnAnswer } from '../contract/turn.ts';
import type { Io } from './io.ts';
import { createPlainStream } from './plain.ts';

export interface ReplyPrinter {
  delta(at: number, text: string): void;
  restart(): void;
  note(text: string): void;
  /** Everything that is not on the screen yet. */
  finish(turn: TurnAnswer): void;
  /** After an end without an answer: leaves the cursor on a line of its own. */
  abandon(): void;
}

export function createReplyPrinter({ out, err }: Io, { stream }: { stream: boolean }): ReplyPrinter {
  const isLive = stream && out.isTerminal;
  let received = '';
  let isLineOpen = false;
  let screen = createPlainStream({ terminal: out.isTerminal });

  /** The label is progress, so it never is in the answer. When the two go to different places it gets a line of its own. */
  const label = (text: string) => err.write(out.isTerminal ? `${text} ` : `${text}\n`);
  const show = (text: string) => {
    if (text === '') return;
    out.write(text);
    isLineOpen = !text.endsWith('\n');
  };
  const closeLine = () => {
    show(screen.end());
    if (isLineOpen) out.line();
    isLineOpen = false;
  };
  const begin = () => {
    screen = createPlainStream({ terminal: out.isTerminal });
    received = '';
  };

  return {
    delta(at, text) {
      const fresh = text.slice(Math.max(0, received.length - at));
      // After a gap nothing can be shown in order any more; `finish` prints the whole.
      if (!isLive || at > received.length || fresh === '') return;
      if (received === '') label(err.paint('green', '✅ Response:'));
      received += fresh;
      show(screen.push(fresh));
    },
    restart() {
      if (received === '') return;
      closeLine();
      err.line(err.paint('yellow', '↻ The model broke off. The text above is void; it starts anew.'));
      begin();
    },
    note(text) {
      if (!err.isTerminal || isLineOpen) return;
      err.line(err.paint('dim', err.safe(text)));
    },
    finish(turn) {
      const reply = turn.reply ?? '';
      if (received !== '' && !reply.startsWith(received)) {
        closeLine();
        err.line(err.paint('yellow', '↻ The text above is void; this is the answer.'));
        begin();
      }
      const isOwnWords = turn.status === 'completed' || turn.incomplete === true;
      if (received === '') label(isOwnWords ? err.paint('green', '✅ Response:') : err.paint('yellow', '⚠️  Fallback:'));
      show(screen.push(reply.slice(received.length)));
      closeLine();
      if (turn.notice !== undefined) out.line(`\n[${out.safe(turn.notice)}]`);
    },
    abandon: closeLine,
  };
}
