import { describe, expect, test } from 'vitest';
import { messagesFor, pieces, questionOf } from './message-text.ts';

describe('text', () => {
  test('of Slack becomes a question', () => {
    expect(questionOf('<@UBOT> is <https://a.example/x?a=1&amp;b=2|this> &lt;b&gt;  ok?')).toBe('is https://a.example/x?a=1&b=2 <b> ok?');
  });

  test('of a model cannot call a channel', () => {
    const turn = { status: 'completed', degraded: false } as const;
    expect(messagesFor({ ...turn, reply: 'Hey <!channel> & <@U1>' })).toEqual(['Hey &lt;!channel&gt; &amp; &lt;@U1&gt;']);
    expect(messagesFor({ ...turn, reply: null, status: 'failed' })[0]).toContain('could not answer');
    expect(messagesFor(undefined)[0]).toContain('could not answer');
    expect(messagesFor({ ...turn, reply: 'Half', degraded: true, incomplete: true, notice: 'It broke off.' })).toEqual([
      ':warning: _This answer is not complete._\nHalf\n_It broke off._',
    ]);
  });

  test('is cut where it reads well, with code blocks closed and opened again, and never inside a character', () => {
    expect(pieces('short')).toEqual(['short']);
    expect(pieces('one two three four', 14)).toEqual(['one two', 'three four']);
    const code = pieces(`Look:\n\`\`\`\n${'line of code\n'.repeat(30)}\`\`\`\nDone.`, 200);
    expect(code.length).toBeGreaterThan(1);
    for (const piece of code) expect([piece.length <= 200, (piece.match(/```/g)?.length ?? 0) % 2]).toEqual([true, 0]);
    for (const text of ['🦉'.repeat(100), '&amp;'.repeat(40)]) {
      const cut = pieces(text, 31);
      expect(cut.join('')).toBe(text);
      expect(cut.every((piece) => piece.isWellFormed() && !/&\w*$/.test(piece))).toBe(true);
    }
    const endless = pieces('x'.repeat(10_000), 100);
    expect([endless.length, endless.at(-1)?.at(-1)]).toEqual([20, '…']);
  });
});
