// What has been said of which alert, over restarts: to the log, to the webhook and to who listens, once each.
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { type Alert, type AlertChange, alertChangeSchema, alertSchema } from '../contract/alert.ts';
import type { Webhook } from './webhook.ts';

export interface AnnouncerParts {
  clock: Clock;
  log: Logger;
  webhook?: Webhook | undefined;
  /** What outlives a restart, so that nothing is said twice. `save` may throw. */
  memory: { load(): unknown; save(kept: unknown): void };
}

export type AlertListener = (change: AlertChange) => void;

export interface Announcer {
  readonly raised: ReadonlyMap<string, { readonly alert: Alert }>;
  raise(alert: Omit<Alert, 'since'>): void;
  clear(id: string): void;
  /** Calls back at every change, after the log line, until the returned function is called. A listener must not throw. */
  onChange(listener: AlertListener): () => void;
  /** Takes up what was raised before a restart, and says what the webhook was not told in time. */
  restore(): void;
}

/** Notices of alerts that are over which the webhook still owes; the oldest are forgotten. */
const OWED_MAX = 50;
const RESTORED_MAX = 200;
const LISTENERS_MAX = 100;

export function createAnnouncer({ clock, log, webhook, memory }: AnnouncerParts): Announcer {
  /** `told`: the webhook has said so, or there is none. At most one for each rule and model. */
  const raised = new Map<string, { alert: Alert; told: boolean }>();
  let owed: AlertChange[] = [];
  const listeners = new Set<AlertListener>();

  function say(change: AlertChange, onTold: () => void): void {
    keep();
    for (const listener of listeners) listener(change);
    send(change, onTold);
  }

  function send(change: AlertChange, onTold: () => void): void {
    webhook?.send(change, (delivered) => {
      // One that was given up is tried again after a restart while it lasts; that it is over is then old news.
      if (delivered || change.kind === 'cleared') onTold();
      keep();
    });
  }

  function keep(): void {
    try {
      memory.save({ raised: [...raised.values()], owed });
    } catch (error) {
      // A full disk, say: after a restart something may be said twice.
      log.warn('alert.not_kept', { error });
    }
  }

  const sendCleared = (change: AlertChange) => () => {
    owed = owed.filter((each) => each !== change);
  };
  const sendRaised = (each: { told: boolean }) => () => {
    each.told = true;
  };

  return {
    raised,
    raise(fresh) {
      const at = timeText(clock);
      const alert: Alert = { ...fresh, since: at };
      const each = { alert, told: webhook === undefined };
      raised.set(alert.id, each);
      log[alert.severity === 'error' ? 'error' : 'warn']('alert.raised', { code: alert.id, state: alert.severity });
      say({ kind: 'raised', at, alert: { ...alert } }, sendRaised(each));
    },
    clear(id) {
      const alert = raised.get(id)?.alert;
      if (!alert) return;
      raised.delete(id);
      log.info('alert.cleared', { code: id, ms: Math.max(0, clock.now() - Date.parse(alert.since)) });
      const change: AlertChange = { kind: 'cleared', at: timeText(clock), alert };
      if (webhook) owed = [...owed, change].slice(-OWED_MAX);
      say(change, sendCleared(change));
    },
    onChange(listener) {
      if (listeners.size >= LISTENERS_MAX) throw new RangeError(`at most ${LISTENERS_MAX} listeners`);
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    restore() {
      const kept = readKept(memory.load());
      if (webhook) owed = kept.owed;
      for (const { alert, told } of kept.raised) {
        raised.set(alert.id, { alert, told: told || webhook === undefined });
        log.info('alert.restored', { code: alert.id });
      }
      for (const change of owed) send(change, sendCleared(change));
      for (const each of raised.values())
        if (!each.told) send({ kind: 'raised', at: each.alert.since, alert: { ...each.alert } }, sendRaised(each));
    },
  };
}

/** The file is ours, but a crash, a hand or a newer version may have been at it: what is not an alert is left out. */
function readKept(kept: unknown): { raised: { alert: Alert; told: boolean }[]; owed: AlertChange[] } {
  const { raised, owed } = (kept ?? {}) as { raised?: unknown; owed?: unknown };
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? value.slice(0, RESTORED_MAX) : []);
  return {
    raised: list(raised).flatMap((each) => {
      const { alert, told } = (each ?? {}) as { alert?: unknown; told?: unknown };
      const parsed = alertSchema.safeParse(alert);
      return parsed.success ? [{ alert: parsed.data, told: told === true }] : [];
    }),
    owed: list(owed).flatMap((each) => alertChangeSchema.safeParse(each).data ?? []),
  };
}

/** A clock that is beyond every calendar must not keep an alert from being said. */
function timeText(clock: Clock): string {
  const time = new Date(clock.now());
  return Number.isNaN(time.getTime()) || time.getUTCFullYear() > 9999 || time.getUTCFullYear() < 0
    ? new Date(0).toISOString()
    : time.toISOString();
}
