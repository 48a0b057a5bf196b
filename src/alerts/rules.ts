// The rules: what one reading says of each possible alert. Whether something is said of it is the business of `alerts.ts`.
import type { Alert, AlertRule } from '../contract/alert.ts';
import type { Readings } from './readings.ts';

const MIB = 1_048_576;
/** A disk is well again only with so much more room than the threshold. */
const DISK_CLEAR_FACTOR = 1.25;

export interface Thresholds {
  errorPercent: number;
  errorTurns: number;
  windowMs: number;
  modelDownMs: number;
  /** 0 for never. */
  diskFreeMb: number;
  noProgressMs: number;
}

/** `unclear`: neither raises nor clears; what was, stays. */
export type Verdict = 'bad' | 'good' | 'unclear';

export interface Judgement extends Pick<Alert, 'id' | 'rule' | 'severity' | 'cause' | 'fix'> {
  verdict: Verdict;
  /** It must be bad for so long before it is said. */
  raiseAfterMs: number;
}

export function judge(readings: Readings, thresholds: Thresholds): Judgement[] {
  return [
    errorRate(readings, thresholds),
    ...readings.models.flatMap((model) => [modelDown(model, readings, thresholds), badKey(model)]),
    diskLow(readings, thresholds),
    storeReadonly(readings),
    auditBroken(readings),
    noProgress(readings, thresholds),
  ];
}

type Model = Readings['models'][number];
type Said = Omit<Judgement, 'id' | 'rule'>;

const of = (rule: AlertRule, said: Said, subject?: string): Judgement => ({
  id: subject === undefined ? rule : `${rule}:${subject}`,
  rule,
  ...said,
});

function errorRate({ turns: { ended, bad, isWholeWindow } }: Readings, { errorPercent, errorTurns, windowMs }: Thresholds): Judgement {
  const isEnough = ended >= errorTurns;
  const isBad = isEnough && bad * 100 >= ended * errorPercent;
  const isGood = (isEnough || isWholeWindow) && bad * 200 < Math.max(ended, 1) * errorPercent;
  return of('error_rate', {
    verdict: isBad ? 'bad' : isGood ? 'good' : 'unclear',
    raiseAfterMs: 0,
    severity: 'error',
    cause: `${bad} of the last ${ended} turns (${Math.round(windowMs / 1_000)} s) were degraded or failed.`,
    fix: 'holdfast status --deep   # names what keeps turns from being answered',
  });
}

/** A model that merely was not called since is not shown to be well. */
const wellAgain = ({ state, wasGood }: Model): boolean => state === 'ok' && wasGood === true;

function modelDown(model: Model, { models }: Readings, { modelDownMs }: Thresholds): Judgement {
  const { name, state, lastFailure } = model;
  const others = models.some((other) => other.name !== name && other.state === 'ok');
  const failure = lastFailure === undefined ? '' : ` (${lastFailure})`;
  const said = {
    verdict: state === 'open' ? 'bad' : wellAgain(model) ? 'good' : 'unclear',
    raiseAfterMs: modelDownMs,
    severity: others ? 'warning' : 'error',
    cause: `${name} keeps failing${failure}; ${others ? 'other models answer instead' : 'callers get the fallback sentence'}.`,
    fix: 'holdfast status --deep   # calls it once and says what comes back; it is taken up again by itself as soon as it answers',
  } as const;
  return of('model_down', said, name);
}

function badKey(model: Model): Judgement {
  const said = {
    verdict: model.state === 'bad_key' ? 'bad' : wellAgain(model) ? 'good' : 'unclear',
    raiseAfterMs: 0,
    severity: 'error',
    cause:
      model.lastFailure === 'no_credit'
        ? `The account of ${model.name} has no credit left.`
        : `The provider of ${model.name} refuses the key.`,
    fix: 'holdfast config show --sources   # says where the key comes from: put a good one there (or credit behind it), then: holdfast restart',
  } as const;
  return of('bad_key', said, model.name);
}

function diskLow({ diskFreeBytes }: Readings, { diskFreeMb }: Thresholds): Judgement {
  const isKnown = diskFreeBytes !== undefined;
  const isLow = isKnown && diskFreeBytes < diskFreeMb * MIB;
  const isRoomy = (isKnown && diskFreeBytes >= diskFreeMb * DISK_CLEAR_FACTOR * MIB) || diskFreeMb === 0;
  return of('disk_low', {
    verdict: isLow ? 'bad' : isRoomy ? 'good' : 'unclear',
    raiseAfterMs: 0,
    severity: 'warning',
    cause: `The disk of HOLDFAST_HOME has ${Math.floor((diskFreeBytes ?? 0) / MIB)} MiB left; when it is full, new messages are refused.`,
    fix: "df -h   # shows the disks; make room on that of HOLDFAST_HOME by removing what is not Holdfast's",
  });
}

function storeReadonly({ storage: { writable, reason } }: Readings): Judgement {
  // A damaged chain is said by its own rule.
  const isAudit = reason?.startsWith('audit') === true;
  return of('store_readonly', {
    verdict: writable || isAudit ? 'good' : 'bad',
    raiseAfterMs: 0,
    severity: 'error',
    cause: `The store takes no writes (${reason ?? 'unknown'}): new messages are refused, stored ones stay readable.`,
    fix: 'holdfast status --deep   # says why and what to do; nothing that was acknowledged is lost',
  });
}

function auditBroken({ audit, storage: { reason } }: Readings): Judgement {
  const isStopped = reason?.startsWith('audit') === true;
  const isBroken = isStopped || audit.state === 'broken';
  return of('audit_broken', {
    verdict: isBroken ? 'bad' : audit.state === 'whole' ? 'good' : 'unclear',
    raiseAfterMs: 0,
    severity: 'error',
    cause: audit.state === 'broken' ? audit.cause : 'The last row of the audit chain is damaged, and nothing is written without its row.',
    fix: 'holdfast audit verify   # names every place; keep a copy of the data folder as evidence before you change anything',
  });
}

function noProgress({ openTurns: { oldestMs, orphaned } }: Readings, { noProgressMs }: Thresholds): Judgement {
  const isOld = oldestMs !== null && oldestMs > noProgressMs;
  return of('no_progress', {
    verdict: isOld || orphaned > 0 ? 'bad' : 'good',
    // A turn between two states may look orphaned for a moment; an old one has shown that it is.
    raiseAfterMs: isOld ? 0 : noProgressMs,
    severity: 'warning',
    cause: isOld
      ? `A turn has been open for ${Math.round(oldestMs / 1_000)} s.`
      : `${orphaned} open ${orphaned === 1 ? 'turn is' : 'turns are'} not worked on by anybody.`,
    fix: 'holdfast restart   # takes open turns up again from what is stored; none is answered twice',
  });
}
