import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type AgentWorld,
  answerOf,
  codeOf,
  counter,
  createHome,
  eventsOf,
  local,
  openWorld,
  textOf,
  type WorldOptions,
} from '../../test/support/agent-world.ts';
import { calls, fails, gate, says } from '../../test/support/scripted-provider.ts';
import type { Database } from '../store/database.ts';

let home: ReturnType<typeof createHome>;
let world: AgentWorld;
const reopen = async (options?: WorldOptions) => {
  world = await openWorld(home, options);
};

beforeEach(async () => {
  home = createHome();
  await reopen();
});
afterEach(async () => {
  await world.close();
  home.remove();
});

const seen = (call: number) =>
  world.provider.requests[call]?.messages.map(
    ({ role, parts }) => `${role}: ${parts.map((part) => (part.type === 'text' ? part.text : part.type)).join(' ')}`,
  );

describe('a message', () => {
  it('is answered by the model, and the next one in its session is asked with the history', async () => {
    world.provider.next(says('Hello ', 'you'), says('Again'));
    const first = await world.say('hi');
    expect(await answerOf(first)).toMatchObject({ status: 'completed', degraded: false, reply: 'Hello you', model: 'script/one' });
    await answerOf(await world.say('more', { sessionId: first.sessionId }));
    expect(seen(1)).toEqual(['user: hi', 'assistant: Hello you', 'user: more']);
  });

  it('streams the same text as it stores, and tells it the same way afterwards', async () => {
    world.provider.next(says('One ', 'two ', 'three'));
    const handle = await world.say('count');
    const live = await eventsOf(handle);
    const later = await world.agent.find(handle.turnId, local);
    const stored = later ? await eventsOf(later) : [];
    expect(textOf(live)).toBe('One two three');
    expect(textOf(stored)).toBe('One two three');
    expect(stored.at(-1)).toEqual(live.at(-1));
  });

  it('waits behind the one before it in its session, while other sessions go on', async () => {
    const slow = gate(says('slow'));
    world.provider.next(slow.script);
    const first = await world.say('first');
    await slow.reached;
    const second = await world.say('second', { sessionId: first.sessionId });
    expect(await answerOf(await world.say('elsewhere'))).toMatchObject({ status: 'completed' });
    expect(await world.agent.view(second.turnId, local)).toMatchObject({ status: 'queued', waitingFor: 'lane', reply: null });
    slow.go();
    expect((await answerOf(first)).reply).toBe('slow');
    expect((await answerOf(second)).reply).toBe('fine');
    expect(seen(2)).toEqual(['user: first', 'assistant: slow', 'user: second']);
  });

  it('is refused or takes over when its sender says so', async () => {
    const slow = gate(says('never'));
    world.provider.next(slow.script);
    const first = await world.say('first');
    await slow.reached;
    const { sessionId } = first;
    expect(await codeOf(world.say('no', { sessionId, whileBusy: 'reject' }))).toBe('conflict');
    const second = await world.say('instead', { sessionId, whileBusy: 'interrupt' });
    expect(await answerOf(first)).toMatchObject({ status: 'cancelled', reason: 'superseded' });
    expect(await answerOf(second)).toMatchObject({ status: 'completed' });
  });

  it('sees those that come at the same moment: one of many is taken, the others are refused', async () => {
    const first = await world.say('hello');
    await answerOf(first);
    const { sessionId } = first;
    const codes = await Promise.all(Array.from({ length: 20 }, () => codeOf(world.say('now', { sessionId, whileBusy: 'reject' }))));
    expect(codes.filter((code) => code === 'resolved')).toHaveLength(1);
    const crowd = await Promise.all(Array.from({ length: 150 }, () => codeOf(world.say('all', { sessionId }))));
    expect(crowd.filter((code) => code === 'overloaded').length).toBeGreaterThanOrEqual(150 - 65);
    const open = await world.store.turns.open();
    await Promise.all(open.map(({ id }) => world.agent.cancel(id, local, 'req')));
  });

  it('of a session that is not there, or of a model that is not known, is not accepted', async () => {
    expect(await codeOf(world.say('hi', { sessionId: 'ses_00000000000000000000000000' }))).toBe('not_found');
    expect(await codeOf(world.say('hi', { model: 'nobody/none' }))).toBe('invalid_request');
    expect(world.agent.figures().accepted).toBe(0);
  });

  it('sent twice with one key is one turn, and another body is refused', async () => {
    const idempotency = { key: 'k', body: '{"message":"hi"}' };
    const handles = await Promise.all(Array.from({ length: 20 }, () => world.say('hi', { idempotency })));
    const answers = await Promise.all(handles.map(answerOf));
    expect(new Set(answers.map(({ turnId }) => turnId)).size).toBe(1);
    expect(world.provider.requests).toHaveLength(1);
    expect(await codeOf(world.say('ho', { idempotency: { key: 'k', body: '{"message":"ho"}' } }))).toBe('idempotency_mismatch');
  });
});

describe('a model that cannot answer', () => {
  it('tells nobody to wait where waiting cannot help', async () => {
    const sentence = async (code: string) => {
      world.provider.next(fails('rejected', code));
      return (await answerOf(await world.say('Is anybody there?'))).reply;
    };
    expect(await sentence('http_404')).toMatch(/waiting will not help until its operator/);
    expect(await sentence('http_400')).toMatch(/try again in a little while/);
  });

  it('gives a marked fallback that the next question does not see', async () => {
    world.provider.next(fails('rejected', 'http_404'));
    const first = await world.say('hi');
    const answer = await answerOf(first);
    expect(answer).toMatchObject({ status: 'degraded', degraded: true, reason: 'model_unavailable', model: null });
    expect(answer.reply).toMatch(/automatic reply/);
    await answerOf(await world.say('still there?', { sessionId: first.sessionId }));
    expect(seen(1)).toEqual(['user: hi still there?']);
  });

  it('leaves what it said before it broke, marked as incomplete', async () => {
    world.provider.next(fails('silent', 'idle_timeout', 'The answer is'));
    const handle = await world.say('hi');
    const answer = await answerOf(handle);
    expect(answer).toMatchObject({
      status: 'degraded',
      reason: 'incomplete',
      reply: 'The answer is',
      incomplete: true,
      model: 'script/one',
    });
    expect(answer.notice).toMatch(/not complete/);
    expect(await world.agent.view(handle.turnId, local)).toEqual(answer);
  });

  it('after its first words is asked once more, and readers drop those words', async () => {
    world.provider.next(fails('cut', 'stream_cut', 'The answ'), says('All of it'));
    const handle = await world.say('hi');
    const events = await eventsOf(handle);
    expect(events.map(({ type }) => type)).toContain('turn.restart');
    expect(textOf(events)).toBe('All of it');
    expect((await answerOf(handle)).reply).toBe('All of it');
  });

  it('and does not answer by the deadline is given up then', async () => {
    await world.close();
    await reopen({ deadlineMs: 600 });
    world.provider.next(gate(says('late')).script);
    const startedAt = performance.now();
    const answer = await answerOf(await world.say('hi'));
    expect(performance.now() - startedAt).toBeLessThan(850);
    expect(answer).toMatchObject({ status: 'degraded', reason: 'deadline' });
  });

  it('can be asked again: the retry answers the same message in its place', async () => {
    world.provider.next(fails('rejected', 'http_404'));
    const first = await world.say('question');
    const failed = await answerOf(first);
    const { sessionId } = first;
    await answerOf(await world.say('meanwhile', { sessionId }));
    const again = { principal: local, requestId: 'req_1', stream: false, arrivedAt: performance.now() };
    const retried = await answerOf(await world.agent.retry(failed.turnId, again));
    expect(retried).toMatchObject({ status: 'completed', retryOf: failed.turnId, reply: 'fine' });
    expect(seen(2)).toEqual(['user: question']);
    await answerOf(await world.say('last', { sessionId }));
    expect(seen(3)).toEqual(['user: question', 'assistant: fine', 'user: meanwhile', 'assistant: fine', 'user: last']);
    expect(await codeOf(world.agent.retry(retried.turnId, again))).toBe('conflict');
  });

  it('is waited for when the sender would rather wait than hear a fallback', async () => {
    world.provider.next(fails('rejected', 'http_404'), says('Here I am'));
    expect(await answerOf(await world.say('hi', { onUnavailable: 'wait' }))).toMatchObject({ status: 'completed', reply: 'Here I am' });
  });
});

describe('an end that the store refuses for its own sake', () => {
  it('is one as failed: stored, told and counted as that, without the reply', async () => {
    await world.close();
    let refuses = 0;
    const between = (database: Database): Database => ({
      ...database,
      dialect: database.dialect,
      read: (...query) => database.read(...query),
      migrate: (before) => database.migrate(before),
      health: () => database.health(),
      close: () => database.close(),
      async write(unit) {
        const ends = unit.audit?.some(({ action, outcome }) => action === 'turn.end' && outcome === 'completed');
        if (ends && refuses++ === 0) throw new TypeError('a defect');
        await database.write(unit);
      },
    });
    await reopen({ between });
    world.provider.next(says('LOST'));
    const handle = await world.say('hi');
    const answer = await answerOf(handle);
    expect(answer).toMatchObject({ status: 'failed', reason: 'internal', reply: null });
    expect(await world.agent.view(handle.turnId, local)).toEqual(answer);
    expect(refuses).toBe(1);
    expect(world.agent.figures()).toMatchObject({ completed: 0, failed: 1 });
    expect((await answerOf(await world.say('again', { sessionId: handle.sessionId }))).status).toBe('completed');
  });
});

describe('a turn that is cancelled', () => {
  it('keeps what was said, and frees the session', async () => {
    const slow = gate(says('never'));
    world.provider.next((request, say, limits) => {
      say('Half');
      return slow.script(request, say, limits);
    });
    const handle = await world.say('hi');
    await slow.reached;
    expect(await world.agent.cancel(handle.turnId, local, 'req')).toMatchObject({
      status: 'cancelled',
      reason: 'caller',
      reply: 'Half',
      incomplete: true,
    });
    expect((await answerOf(await world.say('next', { sessionId: handle.sessionId }))).status).toBe('completed');
  });
});

describe('a tool', () => {
  it('runs when the model asks, and the model answers with its outcome', async () => {
    const { tool, effects } = counter('count');
    await world.close();
    await reopen({ tools: [tool] });
    world.provider.next(calls([{ callId: 'a', name: 'count' }], 'Let me see.'), says('Counted.'));
    const handle = await world.say('count');
    const events = await eventsOf(handle);
    expect(events.map(({ type }) => type)).toEqual(['turn.start', 'text.delta', 'tool.start', 'tool.end', 'text.delta', 'turn.end']);
    expect((await answerOf(handle)).reply).toBe('Let me see.\n\nCounted.');
    expect((await world.agent.view(handle.turnId, local))?.reply).toBe('Let me see.\n\nCounted.');
    expect(effects).toEqual(['a']);
    expect(seen(1)).toEqual(['user: count', 'assistant: Let me see. call', 'tool: result']);
    await answerOf(await world.say('and?', { sessionId: handle.sessionId }));
    expect(seen(2)).toEqual(['user: count', 'assistant: Let me see. call', 'tool: result', 'assistant: Counted.', 'user: and?']);
  });

  it('takes effect once when the model repeats a call id', async () => {
    const { tool, effects } = counter('count');
    await world.close();
    await reopen({ tools: [tool] });
    const same = { callId: 'same', name: 'count' };
    world.provider.next(calls([same, same]), calls([same]), says('ok'));
    expect((await answerOf(await world.say('count'))).status).toBe('completed');
    expect(effects).toEqual(['same']);
  });

  it('that is asked for without end stops at the step limit', async () => {
    const { tool } = counter('count', { repeatable: true });
    await world.close();
    await reopen({ tools: [tool], stepsMax: 3 });
    let made = 0;
    world.provider.always((request, say, limits) => {
      made += 1;
      return calls([{ callId: `c${made}`, name: 'count' }])(request, say, limits);
    });
    expect(await answerOf(await world.say('loop'))).toMatchObject({ status: 'degraded', reason: 'step_limit' });
    expect(made).toBe(3);
  });
});

describe('a middleware', () => {
  it('that breaks on the reply ends the turn degraded, and the raw reply is nowhere', async () => {
    await world.close();
    const broken = {
      name: 'broken',
      onReply() {
        throw new Error('no');
      },
    };
    await reopen({ middleware: [broken] });
    world.provider.next(says('RAW'));
    const handle = await world.say('hi');
    expect(JSON.stringify(await eventsOf(handle))).not.toContain('RAW');
    expect(await answerOf(handle)).toMatchObject({ status: 'degraded', reason: 'middleware' });
    const { items } = await world.store.messages.list(handle.sessionId, { limit: 10 });
    expect(JSON.stringify(items)).not.toContain('RAW');
  });

  it('whose transform breaks ends the turn degraded, and the model is not blamed', async () => {
    await world.close();
    const fragile = {
      name: 'fragile',
      transformStream: () => ({
        push: (text: string) => {
          if (text.includes('2')) throw new Error('no');
          return text;
        },
        end: () => '',
      }),
    };
    await reopen({ middleware: [fragile] });
    world.provider.next(says('part 1 ', 'part 2'));
    const handle = await world.say('hi');
    expect(await answerOf(handle)).toMatchObject({ status: 'degraded', reason: 'middleware', model: null });
    expect(textOf(await eventsOf(handle))).toBe('');
    expect(world.provider.requests).toHaveLength(1);
  });

  it('that shows the model what is no message is named, and the model is not called', async () => {
    await world.close();
    const wrong = { name: 'wrong', beforeModel: () => ({ messages: ['hi'] as unknown as [] }) };
    await reopen({ middleware: [wrong] });
    expect(await answerOf(await world.say('hi'))).toMatchObject({ status: 'degraded', reason: 'middleware' });
    expect(world.provider.requests).toHaveLength(0);
  });

  it('that transforms the stream decides what readers see and what is stored', async () => {
    await world.close();
    const shout = { name: 'shout', transformStream: () => ({ push: (text: string) => text.toUpperCase(), end: () => '!' }) };
    await reopen({ middleware: [shout] });
    world.provider.next(says('hel', 'lo'));
    const handle = await world.say('hi');
    expect(textOf(await eventsOf(handle))).toBe('HELLO!');
    expect((await world.agent.view(handle.turnId, local))?.reply).toBe('HELLO!');
  });
});

describe('erasing a session', () => {
  it('ends its open turns and leaves nothing to find', async () => {
    world.provider.next(gate(says('never')).script);
    const handle = await world.say('hi');
    expect(await world.agent.erase(handle.sessionId, local, 'req_1')).toBe(true);
    expect((await answerOf(handle)).status).toBe('cancelled');
    expect(await world.agent.view(handle.turnId, local)).toBeUndefined();
    expect(await codeOf(world.say('hi', { sessionId: handle.sessionId }))).toBe('not_found');
  });
});
