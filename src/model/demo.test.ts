import { expect, test } from 'vitest';
import { systemClock as clock } from '../base/clock.ts';
import type { Json, ModelMessage, Part } from '../contract/message.ts';
import { createDemo } from './demo.ts';
import type { ModelOutcome, ToolSpec } from './provider.ts';

const demo = createDemo(clock);
const TOOLS: ToolSpec[] = ['current_time', 'calculate'].map((name) => ({ name, description: '', parameters: { type: 'object' } }));
const user = (text: string): ModelMessage => ({ role: 'user', parts: [{ type: 'text', text }] });
const told = (...lines: string[]): ModelMessage[] =>
  lines.flatMap((line, at): ModelMessage[] =>
    at === lines.length - 1 ? [user(line)] : [user(line), { role: 'assistant', parts: [{ type: 'text', text: 'ok' }] }],
  );

async function generate(messages: ModelMessage[], tools = TOOLS, signal = new AbortController().signal) {
  const texts: string[] = [];
  const limits = { deadlineAt: clock.monotonic() + 5_000, firstByteMs: 1_000, idleMs: 1_000, signal };
  const outcome: ModelOutcome = await demo.generate({ model: 'demo', instructions: '', messages, tools }, limits, (text) =>
    texts.push(text),
  );
  return { outcome, texts, text: texts.join('') };
}

const say = async (...lines: string[]) => (await generate(told(...lines))).text;

async function callFor(line: string): Promise<{ name: string; args: Json } | undefined> {
  const { outcome } = await generate([user(line)]);
  const call = outcome.ok ? outcome.parts.find((part): part is Extract<Part, { type: 'call' }> => part.type === 'call') : undefined;
  return call && { name: call.name, args: call.args };
}

test('says what it is, and streams its words in pieces that make up the answer', async () => {
  const { outcome, texts, text } = await generate([user('Explain enterprise architecture')]);
  expect(text).toMatch(/demo model.*canned/i);
  expect(text).toContain('Explain enterprise architecture');
  expect(texts.length).toBeGreaterThan(3);
  expect(outcome).toMatchObject({ ok: true, finish: 'stop', parts: [{ type: 'text', text }] });
  expect(await generate([user('Explain enterprise architecture')])).toEqual({ outcome, texts, text });
});

test.each([
  ['What time is it?', 'current_time', {}],
  ['tell me the date in Europe/Berlin please', 'current_time', { timeZone: 'Europe/Berlin' }],
  ['What time is it in New York?', 'current_time', { timeZone: 'America/New_York' }],
  ['what time is it in Atlantis', 'current_time', {}],
  ['What is 12 * (3 + 4)?', 'calculate', { expression: '12 * (3 + 4)' }],
  ['2+2', 'calculate', { expression: '2+2' }],
  ['the sum of 3 and 4', 'calculate', { expression: '3 + 4' }],
  ['what is 7 times 6', 'calculate', { expression: '7 * 6' }],
])('%s asks for a tool', async (line, name, args) => {
  expect(await callFor(line)).toEqual({ name, args });
});

test.each(['I was born on 2001-02-03', 'I have 3 cats and 4 dogs', 'a fine day', '3', '- 5 -'])('%s asks for none', async (line) => {
  expect(await callFor(line)).toBeUndefined();
});

test('without the tools it asks for none', async () => {
  const { outcome } = await generate([user('What is 2+2?')], []);
  expect(outcome).toMatchObject({ ok: true, finish: 'stop' });
});

test('answers with what the tool said, whatever that is', async () => {
  const after = (outcome: 'ok' | 'error' | 'unknown', name: string, value: Json): ModelMessage[] => [
    user('2+2'),
    { role: 'assistant', parts: [{ type: 'call', callId: 'c', name, args: {} }] },
    { role: 'tool', parts: [{ type: 'result', callId: 'c', name, outcome, value }] },
  ];
  expect((await generate(after('ok', 'calculate', { expression: '2+2', result: 4 }))).text).toContain('2+2 = 4');
  expect((await generate(after('ok', 'current_time', { local: 'Monday', timeZone: 'UTC' }))).text).toContain('It is Monday (UTC)');
  expect((await generate(after('error', 'calculate', { error: 'No such thing.' }))).text).toContain('No such thing.');
  expect((await generate(after('unknown', 'calculate', 'x'))).text).toContain('do not know');
  for (const odd of [null, [], 'text', 7, { expression: 5 }]) expect((await generate(after('ok', 'x', odd))).outcome.ok).toBe(true);
});

test('remembers the conversation it is in', async () => {
  expect(await say('My name is Zoë-Ann', 'What is my name?')).toContain('Zoë-Ann');
  expect(await say('Hello', 'What is my name?')).toContain('not told me');
  expect(await say('I like rivers', 'What did I say before?')).toContain('I like rivers');
  expect(await say('one thing', 'another', 'What did I say first?')).toContain('one thing');
  expect(await say('What did I say before?')).toContain('first message');
  expect(await say('a', 'b', 'How many messages have I sent?')).toContain('3 messages');
});

test('calls of different steps have different ids, the same step the same', async () => {
  const id = async (messages: ModelMessage[]) => {
    const { outcome } = await generate(messages);
    return outcome.ok && outcome.parts[0]?.type === 'call' ? outcome.parts[0].callId : '';
  };
  expect(await id([user('2+2')])).toBe(await id([user('2+2')]));
  expect(new Set([await id([user('2+2')]), await id([user('2+3')]), await id(told('2+2', '2+2'))]).size).toBe(3);
});

test('stops when told, and takes any history without throwing', async () => {
  expect((await generate([user('hi')], TOOLS, AbortSignal.abort())).outcome).toMatchObject({ ok: false, kind: 'cancelled' });
  for (const text of ['', '\ud800', '('.repeat(100_000), '9'.repeat(100_000), ' '.repeat(100_000), 'my name is '.repeat(10_000)]) {
    const startedAt = clock.monotonic();
    expect((await generate([user(text)])).outcome.ok).toBe(true);
    expect(clock.monotonic() - startedAt).toBeLessThan(200);
  }
  expect((await generate([])).outcome.ok).toBe(true);
});
