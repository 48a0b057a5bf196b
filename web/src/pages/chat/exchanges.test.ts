import { expect, test } from 'vitest';
import type { MessageView } from '../../../../src/contract/message.ts';
import type { TurnAnswer } from '../../../../src/contract/turn.ts';
import { exchangesOf, isWorthRetry } from './exchanges.ts';

const message = (seq: number, role: MessageView['role'], turnId: string) =>
  ({ id: `msg_${seq}`, seq, role, turnId, parts: [], text: '' }) as unknown as MessageView;
const turn = (turnId: string, status: TurnAnswer['status'], retryOf?: string) =>
  ({ turnId, status, ...(retryOf && { retryOf }) }) as unknown as TurnAnswer;

test('a retry stands with the question it answers, after the first attempt', () => {
  const found = exchangesOf(
    [
      message(1, 'user', 't1'),
      message(2, 'fallback', 't1'),
      message(3, 'assistant', 't3'),
      message(4, 'user', 't2'),
      message(5, 'assistant', 't2'),
    ],
    [turn('t3', 'completed', 't1'), turn('t2', 'completed'), turn('t1', 'degraded')],
  );
  expect(found.map(({ answers }) => answers.map(({ turnId }) => turnId))).toEqual([['t1', 't3'], ['t2']]);
  expect(found[0]?.answers.map(isWorthRetry)).toEqual([true, false]);
});

test('a turn that has said nothing yet is there, and one that failed without a word too', () => {
  const found = exchangesOf(
    [message(1, 'user', 't1'), message(2, 'user', 't2')],
    [turn('t2', 'queued'), turn('t1', 'failed'), turn('t4', 'running', 't1')],
  );
  expect(found.map(({ answers }) => answers.map((answer) => answer.turn?.status))).toEqual([['failed', 'running'], ['queued']]);
});

test('without the turns the stored fallback alone says that a retry is worth it', () => {
  const [first] = exchangesOf([message(1, 'user', 't1'), message(2, 'fallback', 't1')], []);
  expect(first?.answers.map(isWorthRetry)).toEqual([true]);
});
