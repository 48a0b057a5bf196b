import { describe, expect, test } from 'vitest';
import { createLifecycle, type Part } from './lifecycle.ts';

/** Parts that write down what happens to them; each may be told to fail or to wait. */
function house(names: string[], faults: { start?: string; stop?: string; hold?: Promise<void> } = {}) {
  const seen: string[] = [];
  const errors: [string, unknown][] = [];
  const parts: Part[] = names.map((name) => ({
    name,
    async start() {
      seen.push(`+${name}`);
      await faults.hold;
      if (faults.start === name) throw new Error(`${name} does not start`);
    },
    async stop() {
      seen.push(`-${name}`);
      if (faults.stop === name) throw new Error(`${name} does not stop`);
    },
  }));
  return { seen, errors, lifecycle: createLifecycle(parts, (part, error) => errors.push([part, error])) };
}

describe('a lifecycle', () => {
  test('opens parts in order and closes them in reverse', async () => {
    const { seen, lifecycle } = house(['store', 'agent', 'http']);
    expect(lifecycle.state()).toBe('stopped');
    const starting = lifecycle.start();
    expect(lifecycle.state()).toBe('starting');
    await starting;
    expect(lifecycle.state()).toBe('ready');
    const stopping = lifecycle.stop();
    await Promise.resolve();
    await Promise.resolve();
    expect(lifecycle.state()).toBe('draining');
    await stopping;
    expect(lifecycle.state()).toBe('stopped');
    expect(seen).toEqual(['+store', '+agent', '+http', '-http', '-agent', '-store']);
  });

  test('shares one start and one stop among concurrent callers', async () => {
    const { seen, lifecycle } = house(['store', 'http']);
    await Promise.all([lifecycle.start(), lifecycle.start(), lifecycle.start()]);
    await Promise.all([lifecycle.stop(), lifecycle.stop()]);
    await lifecycle.stop();
    expect(seen).toEqual(['+store', '+http', '-http', '-store']);
  });

  test('closes what was open when a part fails to start, and throws that failure to every caller', async () => {
    const { seen, lifecycle } = house(['store', 'agent', 'http'], { start: 'agent' });
    const results = await Promise.allSettled([lifecycle.start(), lifecycle.start()]);
    for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: { message: 'agent does not start' } });
    expect(seen).toEqual(['+store', '+agent', '-store']);
    expect(lifecycle.state()).toBe('failed');
    await lifecycle.stop();
    expect(seen.length).toBe(3);
    expect(lifecycle.state()).toBe('failed');
  });

  test('goes on closing when one part does not stop, and reports it', async () => {
    const { seen, errors, lifecycle } = house(['store', 'agent', 'http'], { stop: 'agent' });
    await lifecycle.start();
    await lifecycle.stop();
    expect(seen.slice(3)).toEqual(['-http', '-agent', '-store']);
    expect(errors).toMatchObject([['agent', { message: 'agent does not stop' }]]);
    expect(lifecycle.state()).toBe('stopped');
  });

  test('asked to stop while it starts lets the start end first and leaves nothing open', async () => {
    let release = () => {};
    const hold = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { seen, lifecycle } = house(['store', 'http'], { hold });
    const starting = lifecycle.start();
    const stopping = lifecycle.stop();
    expect(seen).toEqual(['+store']);
    release();
    await Promise.all([starting, stopping]);
    expect(seen).toEqual(['+store', '+http', '-http', '-store']);
    expect(lifecycle.state()).toBe('stopped');
  });

  test('that never started stops without touching a part', async () => {
    const { seen, lifecycle } = house(['store']);
    await lifecycle.stop();
    expect(seen).toEqual([]);
    expect(lifecycle.state()).toBe('stopped');
  });
});
