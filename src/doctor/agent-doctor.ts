// The running agent looks at itself: what `holdfast status --deep` shows, and what `holdfast doctor` asks it for.
import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import type { HomePaths } from '../base/home.ts';
import { clockFinding, diskFinding, logFolderFinding } from '../base/host-checks.ts';
import type { Finding } from '../contract/finding.ts';
import type { Models } from '../model/models.ts';
import type { Store } from '../store/store.ts';
import {
  loopFinding,
  memoryFinding,
  modelFinding,
  storageFinding,
  turnsFinding,
  walHealthFinding,
  webhookFinding,
} from './agent-findings.ts';
import { type KeyInForce, keyInForceFinding } from './key-in-force.ts';
import { createLoopMeter } from './loop-meter.ts';

/** How long stored records are opened; the rest of the checks take no longer, but for models that do not answer. */
const RECORDS_MS_MAX = 1_000;
/** The loop is watched for so long before the other checks add to its load. */
const LOOP_MS = 300;

export interface AgentDoctorParts {
  store: Pick<Store, 'health' | 'examine' | 'newestAt' | 'turns'>;
  models: Pick<Models, 'check'>;
  clock: Clock;
  paths: HomePaths;
  config: { diskFreeMb: number; noProgressMs: number };
  figures(): { open: number; oldestOpenMs: number | null };
  masterKey: Omit<KeyInForce, 'paths'>;
  /** Log lines lost since the start. */
  droppedLines(): number;
  /** How alerts get out; undefined without a webhook. */
  webhook(): { lastFailure?: string | undefined; failed: number } | undefined;
}

export interface AgentDoctor {
  /** Never rejects; callers at once share one examination. Makes one small call to each configured model. */
  examine(): Promise<Finding[]>;
}

export function createAgentDoctor(parts: AgentDoctorParts): AgentDoctor {
  let underWay: Promise<Finding[]> | undefined;
  return {
    examine() {
      underWay ??= lookAtAll(parts).finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
  };
}

async function lookAtAll(parts: AgentDoctorParts): Promise<Finding[]> {
  const { store, models, clock, paths, config } = parts;
  const event = await watchLoop();
  const [checked, records, newestAt, disk, logs, counts] = await Promise.all([
    models.check(),
    store.examine(RECORDS_MS_MAX),
    store.newestAt().catch(() => undefined), // what cannot be read is a finding of `examine`
    diskFinding(paths, config.diskFreeMb),
    logFolderFinding(paths, parts.droppedLines()),
    store.turns.counts().catch(() => undefined),
  ]);
  const health = store.health();
  const webhook = parts.webhook();
  return [
    storageFinding(health),
    walHealthFinding(health),
    keyInForceFinding({ paths, ...parts.masterKey }),
    ...records,
    disk,
    logs,
    clockFinding({ now: clock.now(), newestAt }),
    memoryFinding(),
    event,
    turnsFinding(parts.figures(), counts?.byStatus, config.noProgressMs),
    ...checked.map(modelFinding),
    ...(webhook ? [webhookFinding(webhook)] : []),
  ];
}

async function watchLoop(): Promise<Finding> {
  const meter = createLoopMeter();
  await wait(LOOP_MS);
  return loopFinding(meter.stop());
}
