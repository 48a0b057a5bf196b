// What a turn leaves in the audit: every call of a model and of a tool once, whatever happens to the process.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type AgentWorld, answerOf, counter, createHome, local, openWorld, type WorldOptions } from '../../test/support/agent-world.ts';
import { calls, fails, gate, says } from '../../test/support/scripted-provider.ts';

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

/** `action target outcome` of the turn's rows, oldest first. */
async function trail(): Promise<string[]> {
  const { items } = await world.store.auditTrail({ limit: 200 });
  const ofTurns = items.filter(({ action }) => /^(turn|model|tool)\./.test(action)).reverse();
  return ofTurns.map(({ action, target, outcome }) => `${action} ${target.startsWith('trn_') ? '' : `${target} `}${outcome}`);
}

it('names each call of a model and of a tool, also of one that does not exist, without its name', async () => {
  await world.close();
  const { tool } = counter('pay');
  const { tool: look } = counter('look', { repeatable: true });
  await reopen({ tools: [tool, look] });
  world.provider.next(calls([{ callId: 'a', name: 'pay' }]));
  world.provider.next(
    calls([
      { callId: 'b', name: 'look' },
      { callId: 'c', name: 'made_up' },
    ]),
  );
  const handle = await world.say('pay');
  expect((await answerOf(handle)).status).toBe('completed');
  const rows = await trail();
  expect(rows).toEqual([
    'turn.accept ok',
    'model.call script/one ok',
    'tool.call pay ok',
    'model.call script/one ok',
    'tool.call look ok',
    'tool.call (no such tool) error',
    'model.call script/one ok',
    'turn.end completed',
  ]);
  const { items } = await world.store.auditTrail({ limit: 200 });
  expect(JSON.stringify(items)).not.toContain('made_up');
  const [end] = items;
  expect(JSON.parse(end?.detail ?? '')).toMatchObject({ modelCalls: 3, toolCalls: 3, session: handle.sessionId });
  expect(JSON.parse(items.find(({ action }) => action === 'model.call')?.detail ?? '')).toMatchObject({ turn: handle.turnId });
});

it('is told as a trace too, open and ended, to who may see it', async () => {
  const slow = gate(says('fine'));
  world.provider.next(fails('transient', 'http_503'));
  world.provider.next(slow.script);
  const handle = await world.say('hi');
  await slow.reached;
  const open = await world.agent.trace(handle.turnId, local);
  expect(open?.trace).toEqual({ queueMs: null, firstTokenMs: null, totalMs: null, steps: [] });
  slow.go();
  await answerOf(handle);
  const found = await world.agent.trace(handle.turnId, local);
  expect(found?.trace).toMatchObject({ totalMs: expect.any(Number), steps: [{ attempts: [{ code: 'http_503' }, { code: 'ok' }] }] });
  expect(await world.agent.trace(handle.turnId, { ...local, id: 'key:other', role: 'client' })).toBeUndefined();
});

it('names attempts that failed', async () => {
  world.provider.next(fails('transient', 'unavailable'));
  expect((await answerOf(await world.say('hi'))).status).toBe('completed');
  expect(await trail()).toEqual(['turn.accept ok', 'model.call script/one unavailable', 'model.call script/one ok', 'turn.end completed']);
});

it('names once, over a death, what was done before it, and what nobody can know as unknown', async () => {
  await world.close();
  const stuck = Promise.withResolvers<string>();
  const started = Promise.withResolvers<void>();
  const run = () => {
    started.resolve();
    return stuck.promise;
  };
  const tools = [counter('look', { repeatable: true }).tool, counter('pay', { run }).tool];
  await reopen({ tools });
  world.provider.next(calls([{ callId: 'a', name: 'look' }]));
  world.provider.next(calls([{ callId: 'b', name: 'pay' }]));
  const handle = await world.say('pay');
  await started.promise;
  await world.close('crash');
  await reopen({ tools });
  const again = await world.agent.find(handle.turnId, local);
  expect(again && (await answerOf(again)).status).toBe('completed');
  const rows = await trail();
  stuck.resolve('late');
  expect(rows).toEqual([
    'turn.accept ok',
    'model.call script/one ok',
    'tool.call look ok',
    'model.call script/one ok',
    'turn.recover ok',
    'tool.call pay unknown',
    'model.call script/one ok',
    'turn.end completed',
  ]);
  const turn = await world.store.turns.get(handle.turnId);
  const trace = turn && (await world.store.turns.trace(turn));
  expect(trace?.steps.map((step) => (step.kind === 'tool' ? `${step.name} ${step.outcome}` : 'model'))).toEqual([
    'look ok',
    'pay unknown',
    'model',
  ]);
});

it('names who cancelled, before the end', async () => {
  const slow = gate(says('never'));
  world.provider.next(slow.script);
  const handle = await world.say('hi');
  await slow.reached;
  await world.agent.cancel(handle.turnId, { ...local, id: 'operator' }, 'req_of_the_operator');
  expect((await trail()).filter((row) => row.startsWith('turn.'))).toEqual(['turn.accept ok', 'turn.cancel ok', 'turn.end cancelled']);
  const { items } = await world.store.auditTrail({ limit: 10, action: 'turn.cancel' });
  expect(items).toMatchObject([{ principal: 'operator', target: handle.turnId, requestId: 'req_of_the_operator' }]);
});
