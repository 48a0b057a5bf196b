import type { LifecycleState } from '../base/lifecycle.ts';
import { adviceFor } from '../contract/failure-advice.ts';
import type { Check, Health, ModelState } from '../contract/status.ts';
import type { Models } from '../model/models.ts';
import type { Store } from '../store/store.ts';
import type { Pressure, Strain } from './pressure.ts';

export interface HealthView {
  status: Health['status'];
  state: LifecycleState;
  checks: Record<string, Check>;
}

export interface HealthParts {
  store: Pick<Store, 'health'>;
  models: Pick<Models, 'states'>;
  pressure: Pressure;
  state(): LifecycleState;
}

const MODEL_STATES: Record<ModelState['state'], string> = {
  ok: '',
  open: 'not called: it keeps failing',
  bad_key: 'the provider refuses the key',
  unconfigured: 'no key or no such provider',
};
const STRAIN: Record<Strain, string> = {
  event_loop: 'The process is busy; new messages are refused for a moment.',
  heap: 'Memory is nearly used up; new messages are refused.',
  wal: 'The database cannot keep up; new messages are refused for a moment.',
};

/** One judgement for `/health`, the probes and `/v1/status`. A model that is down degrades; only what stops every answer is `down`. */
export function readHealth(parts: HealthParts): HealthView {
  const checks: Record<string, Check> = {};
  const add = (check: Check) => {
    checks[check.id] = check;
  };
  add(storageCheck(parts.store.health()));
  for (const { name, state, fix, lastFailure } of parts.models.states()) {
    const isWell = state === 'ok' && !fix;
    add({
      id: `model:${name}`,
      // A model that is called and never answers as asked (an unknown name, say) comes with a fix: that is not well.
      status: isWell ? 'ok' : 'degraded',
      ...(!isWell && { detail: state === 'ok' ? adviceFor(lastFailure ?? '').cause : MODEL_STATES[state] }),
      ...(fix && { fix }),
    });
  }
  const strain = parts.pressure.strain();
  add({ id: 'load', status: strain ? 'degraded' : 'ok', ...(strain && { detail: STRAIN[strain] }) });

  const state = parts.state();
  const found = new Set(Object.values(checks).map((check) => check.status));
  const worst = found.has('down') ? 'down' : found.has('degraded') ? 'degraded' : 'ok';
  return { status: state === 'ready' ? worst : 'down', state, checks };
}

function storageCheck({ writable, reason }: { writable: boolean; reason?: string }): Check {
  if (writable) return { id: 'storage', status: 'ok' };
  return {
    id: 'storage',
    status: 'down',
    detail: reason ?? 'not writable',
    fix: reason?.startsWith('audit') ? 'holdfast audit verify' : 'holdfast status --deep',
  };
}
