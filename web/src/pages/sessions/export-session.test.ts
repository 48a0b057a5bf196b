import { expect, test } from 'vitest';
import type { MessageView } from '../../../../src/contract/message.ts';
import type { SessionView } from '../../../../src/contract/session.ts';
import { toJson, toMarkdown } from './export-session.ts';

const session = {
  id: 'ses_1',
  title: 'A <b>title</b>',
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-02T00:00:00.000Z',
} as SessionView;
const message = (role: MessageView['role'], parts: MessageView['parts'], more: Partial<MessageView> = {}) =>
  ({ id: 'msg_1', role, parts, createdAt: '2026-01-01T00:00:00.000Z', ...more }) as MessageView;

test('Markdown names who spoke, what tools got and gave, and what was cut short', () => {
  const text = toMarkdown(session, [
    message('user', [{ type: 'text', text: 'Time?' }]),
    message('assistant', [{ type: 'call', callId: 'a', name: 'clock', args: { zone: 'UTC' } }]),
    message('tool', [{ type: 'result', callId: 'a', name: 'clock', outcome: 'ok', value: '```\nnoon' }]),
    message('assistant', [{ type: 'text', text: 'It is' }], { incomplete: true }),
    message('fallback', [{ type: 'text', text: 'Sorry.' }]),
  ]);
  expect(text.match(/^## .*$/gm)).toEqual(
    ['User', 'Agent', 'Tool', 'Agent', 'Agent (degraded reply)'].map((who) => `## ${who}, 2026-01-01T00:00:00.000Z`),
  );
  expect(text).toContain('It is\n\n*(cut short)*');
  expect(text).toContain('````json\n"```\\nnoon"\n````');
});

test('JSON gives back what went in', () => {
  const messages = [message('user', [{ type: 'text', text: 'Ünï😀' }])];
  expect(JSON.parse(toJson(session, messages))).toEqual({ session, messages });
});
