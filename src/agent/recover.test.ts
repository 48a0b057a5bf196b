import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type AgentWorld,
  answerOf,
  codeOf,
  counter,
  createHome,
  local,
  openWorld,
  type WorldOptions,
} from '../../test/support/agent-world.ts';
import { calls, gate, says } from '../../test/support/scripted-provider.ts';
import { until } from '../../test/support/until.ts';
import { AppError } from '../base/errors.ts';
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

function begin(started: PromiseWithResolvers<void>, stuck: PromiseWithResolvers<string>): Promise<string> {
  started.resolve();
  return stuck.promise;
}

describe('a process that dies', () => {
  it('leaves turns that the next one answers', async () => {
    world.provider.always(gate(says('never')).script);
    const handle = await world.say('hi');
    await world.close('crash');
    await reopen();
    const again = await world.agent.find(handle.turnId, local);
    if (!again) throw new Error('the turn is lost');
    expect(await answerOf(again)).toMatchObject({ status: 'completed', reply: 'fine' });
    const { messages } = await world.store.messages.history(handle.sessionId, Number.MAX_SAFE_INTEGER, 10);
    expect(messages).toHaveLength(2);
  });

  it('in the middle of a tool leaves an unknown outcome, and the tool is not run again', async () => {
    const stuck = Promise.withResolvers<string>();
    const started = Promise.withResolvers<void>();
    const { tool, effects } = counter('pay', { run: () => begin(started, stuck) });
    await world.close();
    await reopen({ tools: [tool] });
    world.provider.next(calls([{ callId: 'a', name: 'pay' }]));
    const handle = await world.say('pay');
    await started.promise;
    await world.close('crash');
    await reopen({ tools: [tool] });
    const again = await world.agent.find(handle.turnId, local);
    if (!again) throw new Error('the turn is lost');
    expect((await answerOf(again)).status).toBe('completed');
    expect(effects).toEqual(['a']);
    expect(world.provider.requests[0]?.messages.at(-1)?.parts).toMatchObject([{ type: 'result', callId: 'a', outcome: 'unknown' }]);
    stuck.resolve('late');
  });

  it('again and again over one turn gives it up after three recoveries', async () => {
    world.provider.always(gate(says('never')).script);
    const handle = await world.say('hi');
    for (let death = 0; death < 4; death += 1) {
      await world.close('crash');
      world = await openWorld(home);
      world.provider.always(gate(says('never')).script);
    }
    expect(await world.agent.view(handle.turnId, local)).toMatchObject({ status: 'failed', reason: 'recovery_exhausted' });
  });

  it('too long ago leaves turns that are ended as expired', async () => {
    world.provider.always(gate(says('never')).script);
    const handle = await world.say('hi');
    await world.close('crash');
    await reopen({ turnExpiryMs: 0 });
    expect(await world.agent.view(handle.turnId, local)).toMatchObject({ status: 'failed', reason: 'expired' });
  });
});

describe('a disk that keeps a message and says it did not', () => {
  it('leaves a turn that is answered all the same, once, and found by its key', async () => {
    await world.close();
    let lies = false;
    const between = (database: Database): Database => ({
      ...database,
      dialect: database.dialect,
      read: (...query) => database.read(...query),
      migrate: (before) => database.migrate(before),
      health: () => database.health(),
      close: () => database.close(),
      async write(unit) {
        await database.write(unit);
        if (lies) throw new AppError('storage_unavailable');
      },
    });
    await reopen({ between });
    const idempotency = { key: 'k', body: '{"message":"hi"}' };
    lies = true;
    expect(await codeOf(world.say('hi', { idempotency }))).toBe('storage_unavailable');
    lies = false;
    const [one, two] = await Promise.all([world.say('hi', { idempotency }), world.say('hi', { idempotency })]);
    expect(one.turnId).toBe(two.turnId);
    expect(await answerOf(one)).toMatchObject({ status: 'completed', reply: 'fine' });
    expect(world.provider.requests).toHaveLength(1);

    lies = true;
    expect(await codeOf(world.say('and without a key'))).toBe('storage_unavailable');
    lies = false;
    await until(async () => (await world.store.turns.counts()).byStatus.completed === 2);
    expect(world.provider.requests).toHaveLength(2);
  });
});

describe('a drain', () => {
  it('finishes what it can and refuses what is new', async () => {
    const slow = gate(says('done'));
    world.provider.next(slow.script);
    const handle = await world.say('hi');
    await slow.reached;
    const stopping = world.agent.stop();
    expect(await codeOf(world.say('too late'))).toBe('draining');
    slow.go();
    await stopping;
    expect((await answerOf(handle)).reply).toBe('done');
    expect(world.agent.figures().drained).toBe(1);
  });

  it('leaves the rest open and resumable when its time is over', async () => {
    await world.close();
    await reopen({ drainMs: 50 });
    world.provider.next(gate(says('never')).script);
    const handle = await world.say('hi');
    const outcome = handle.outcome();
    await world.close();
    expect(await outcome).toMatchObject({ kind: 'open', draining: true });
    await reopen();
    const again = await world.agent.find(handle.turnId, local);
    expect(again && (await answerOf(again)).reply).toBe('fine');
  });
});
