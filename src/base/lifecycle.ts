/** A part that opens and closes. Both are idempotent; `stop` must not throw for a part that never started. */
export interface Part {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export type LifecycleState = 'starting' | 'ready' | 'draining' | 'stopped' | 'failed';

export interface Lifecycle {
  state(): LifecycleState;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Opens parts in the given order and closes them in reverse. Concurrent callers share one promise.
 * A part that fails to start closes those before it, then the failure is thrown.
 */
export function createLifecycle(parts: readonly Part[], onError: (part: string, error: unknown) => void): Lifecycle {
  let state: LifecycleState = 'stopped';
  let starting: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;
  const opened: Part[] = [];

  async function open(): Promise<void> {
    state = 'starting';
    for (const part of parts) {
      try {
        await part.start();
        opened.push(part);
      } catch (error) {
        await closeAll();
        state = 'failed';
        throw error;
      }
    }
    state = 'ready';
  }

  async function closeAll(): Promise<void> {
    for (let part = opened.pop(); part; part = opened.pop()) {
      try {
        await part.stop();
      } catch (error) {
        onError(part.name, error);
      }
    }
  }

  return {
    state: () => state,
    start: () => (starting ??= open()),
    stop() {
      stopping ??= (async () => {
        await starting?.catch(() => undefined);
        if (state !== 'failed') state = 'draining';
        await closeAll();
        if (state !== 'failed') state = 'stopped';
      })();
      return stopping;
    },
  };
}
