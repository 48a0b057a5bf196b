import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ModelMessage, Part } from '../contract/message.ts';
import { renderHistory, UNKNOWN_OUTCOME } from './render.ts';

const text = (words: string, mark?: string): Part => ({ type: 'text', text: words, ...(mark ? { signature: 'sig', signedBy: mark } : {}) });
const call = (callId: string): Part => ({ type: 'call', callId, name: 'tool', args: {} });
const result = (callId: string, value = 'done'): Part => ({ type: 'result', callId, name: 'tool', outcome: 'ok', value });
const user = (...parts: Part[]): ModelMessage => ({ role: 'user', parts });
const assistant = (...parts: Part[]): ModelMessage => ({ role: 'assistant', parts });
const tool = (...parts: Part[]): ModelMessage => ({ role: 'tool', parts });

const ids = fc.constantFrom('a', 'b', 'c');
const anyPart: fc.Arbitrary<Part> = fc.oneof(
  fc.record(
    {
      type: fc.constant('text' as const),
      text: fc.constantFrom('', 'x', 'y'),
      signature: fc.constant('s'),
      signedBy: fc.constantFrom('gemini', 'other'),
    },
    { requiredKeys: ['type', 'text'] },
  ),
  fc.record(
    {
      type: fc.constant('call' as const),
      callId: ids,
      name: fc.constant('tool'),
      args: fc.constant({}),
      signature: fc.constant('s'),
      signedBy: fc.constantFrom('gemini', 'other'),
    },
    { requiredKeys: ['type', 'callId', 'name', 'args'] },
  ),
  ids.map((id) => result(id)),
);
const anyMessage: fc.Arbitrary<ModelMessage> = fc.record({
  role: fc.constantFrom('user' as const, 'assistant' as const, 'tool' as const),
  parts: fc.array(anyPart, { maxLength: 4 }),
});
const anyHistory = fc.array(anyMessage, { maxLength: 12 });

describe('whatever the history', () => {
  const holds = (check: (rendered: ModelMessage[], history: ModelMessage[]) => void) =>
    fc.assert(
      fc.property(anyHistory, (history) => check(renderHistory(history, 'gemini'), history)),
      { numRuns: 2_000 },
    );

  test('it starts with the user and neighbours have different roles', () => {
    holds((rendered) => {
      if (rendered.length > 0) expect(rendered[0]?.role).toBe('user');
      for (let at = 1; at < rendered.length; at += 1) expect(rendered[at]?.role).not.toBe(rendered[at - 1]?.role);
    });
  });

  test('every call is answered right after, once and in order, and no result stands without its call', () => {
    holds((rendered) => {
      rendered.forEach((message, at) => {
        const calls = message.parts.flatMap((part) => (part.type === 'call' ? [part.callId] : []));
        const next = rendered[at + 1];
        if (calls.length > 0) expect(next?.role).toBe('tool');
        if (message.role === 'assistant') {
          const answered = next?.role === 'tool' ? next.parts.map((part) => (part.type === 'result' ? part.callId : '?')) : [];
          expect(answered).toEqual(calls);
        }
        if (message.role === 'tool') expect(rendered[at - 1]?.role).toBe('assistant');
      });
    });
  });

  test('each role carries only its kinds of part, none empty, no foreign signature', () => {
    const kinds = { user: ['text'], assistant: ['text', 'call'], tool: ['result'] };
    holds((rendered) => {
      for (const { role, parts } of rendered) {
        expect(parts.length).toBeGreaterThan(0);
        for (const part of parts) {
          expect(kinds[role]).toContain(part.type);
          if (part.type === 'result') continue;
          if (part.signature !== undefined) expect(part.signedBy).toBe('gemini');
          if (part.type === 'text' && part.text === '') expect(part.signature).toBeDefined();
        }
      }
    });
  });

  test('no words of the conversation after the first user message are lost or added', () => {
    const words = (messages: ModelMessage[]) =>
      messages.flatMap(({ role, parts }) =>
        role === 'tool' ? [] : parts.flatMap((part) => (part.type === 'text' && part.text ? [role + part.text] : [])),
      );
    holds((rendered, history) => {
      const first = history.findIndex(
        ({ role, parts }) => role === 'user' && parts.some((part) => part.type === 'text' && part.text !== ''),
      );
      expect(words(rendered)).toEqual(first === -1 ? [] : words(history.slice(first)));
    });
  });

  test('rendering twice changes nothing more, and the history itself is left alone', () => {
    holds((rendered, history) => {
      const before = structuredClone(history);
      expect(renderHistory(rendered, 'gemini')).toEqual(rendered);
      expect(history).toEqual(before);
    });
  });
});

test('a user message of a degraded turn is joined with the next', () => {
  expect(renderHistory([user(text('one')), user(text('two')), assistant(text('ok'))], 'x')).toEqual([
    user(text('one'), text('two')),
    assistant(text('ok')),
  ]);
});

test('a call without a result is told as unknown', () => {
  expect(renderHistory([user(text('go')), assistant(call('a')), user(text('well?'))], 'x')).toEqual([
    user(text('go')),
    assistant(call('a')),
    tool({ type: 'result', callId: 'a', name: 'tool', outcome: 'unknown', value: UNKNOWN_OUTCOME }),
    user(text('well?')),
  ]);
});

test('a call left open does not take the result of a later call with the same id', () => {
  const rendered = renderHistory(
    [user(text('go')), assistant(call('a')), user(text('again')), assistant(call('a')), tool(result('a', 'second'))],
    'x',
  );
  expect(
    rendered
      .map(({ parts }) => parts[0])
      .filter((part) => part?.type === 'result')
      .map((part) => part?.type === 'result' && part.value),
  ).toEqual([UNKNOWN_OUTCOME, 'second']);
});

test('our signatures stay on text and calls, also on an empty text; those of others go', () => {
  const signedCall: Part = { type: 'call', callId: 'a', name: 'tool', args: {}, signature: 's', signedBy: 'gemini' };
  const history = [user(text('go')), assistant(text('', 'gemini'), signedCall), tool(result('a'))];
  expect(renderHistory(history, 'gemini')).toEqual(history);
  expect(renderHistory(history, 'other')).toEqual([user(text('go')), assistant(call('a')), tool(result('a'))]);
});

test('messages that need no change are the very same objects', () => {
  const history = [user(text('go')), assistant(text('ok')), user(text('more'))];
  const rendered = renderHistory(history, 'x');
  expect(rendered).toHaveLength(3);
  expect(rendered.every((message, at) => message === history[at])).toBe(true);
});
