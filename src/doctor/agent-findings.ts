// Findings of a running agent in words for an operator. Each fix begins with a command that can be run as it stands.
import { getHeapStatistics } from 'node:v8';
import { type Finding, well } from '../contract/finding.ts';
import type { TurnStatus } from '../contract/turn.ts';
import type { CheckedModel } from '../model/models.ts';
import type { Store } from '../store/store.ts';
import { walFinding } from '../store/store-findings.ts';
import type { LoopReading } from './loop-meter.ts';

const MIB = 1_048_576;
/** From here on new messages are refused (`heapShareMax` in `src/http/limits.ts`), or the kernel may end the process. */
const MEMORY_SHARE_ERROR = 0.85;
const MEMORY_SHARE_WARNING = 0.7;
const LOOP_LATE_MS_MAX = 200;
const LOOP_BUSY_MAX = 0.9;

type Health = ReturnType<Store['health']>;

export function storageFinding({ writable, reason, queued }: Health): Finding {
  if (writable) return well('storage', `The store takes writes${queued > 0 ? `; ${queued} wait` : ''}.`);
  const wrong = (cause: string, fix: string): Finding => ({ id: 'storage', severity: 'error', cause, fix });
  if (reason?.startsWith('audit'))
    return wrong(
      'The store takes no writes: the last row of the audit chain is damaged, and nothing is done without its row.',
      'holdfast audit verify   # says where; then stop the agent and put the data folder of a backup in place of this one',
    );
  if (reason === 'full')
    return wrong(
      'The store takes no writes: the disk is full. What is stored stays readable.',
      'df -h   # free some space on the disk of HOLDFAST_HOME; writing goes on by itself within seconds',
    );
  if (reason === 'io')
    return wrong(
      'The store takes no writes: the disk failed while one was made. Nothing that was acknowledged is lost.',
      'dmesg | tail   # look for errors of that disk; the agent goes on by itself when the disk does',
    );
  return wrong(`The store takes no writes (${reason ?? 'unknown'}).`, 'holdfast restart   # open turns are finished or taken up again');
}

export const walHealthFinding = ({ walBytes }: Health): Finding => walFinding(walBytes, true);

export interface MemoryReading {
  usedBytes: number;
  limitBytes: number;
  rssBytes: number;
  /** Of the container; 0 for none. */
  constrainedBytes: number;
}

function readMemory(): MemoryReading {
  const heap = getHeapStatistics();
  // Without a limit Linux says a number near 2^63.
  const constrained = process.constrainedMemory();
  return {
    usedBytes: heap.used_heap_size,
    limitBytes: heap.heap_size_limit,
    rssBytes: process.memoryUsage.rss(),
    constrainedBytes: constrained < Number.MAX_SAFE_INTEGER ? constrained : 0,
  };
}

export function memoryFinding({ usedBytes, limitBytes, rssBytes, constrainedBytes } = readMemory()): Finding {
  const heapShare = usedBytes / limitBytes;
  const boxShare = constrainedBytes > 0 ? rssBytes / constrainedBytes : 0;
  const share = Math.max(heapShare, boxShare);
  const mib = (bytes: number) => Math.round(bytes / MIB);
  const said =
    boxShare > heapShare
      ? `${mib(rssBytes)} of ${mib(constrainedBytes)} MiB of this container are used`
      : `${mib(usedBytes)} of ${mib(limitBytes)} MiB of the heap are used`;
  if (share < MEMORY_SHARE_WARNING) return well('memory', `${said}.`);
  const more =
    boxShare > heapShare
      ? 'if it comes back, give the container more memory'
      : `if it comes back, give it more: NODE_OPTIONS=--max-old-space-size=${Math.ceil((limitBytes / MIB) * 2)} holdfast restart`;
  return {
    id: 'memory',
    severity: share >= MEMORY_SHARE_ERROR ? 'error' : 'warning',
    cause: `Memory is high: ${said} (${Math.round(share * 100)} %). From 85 % on new messages are refused; stored ones stay safe.`,
    fix: `holdfast restart   # frees it, open turns are finished first; ${more}`,
  };
}

export function loopFinding({ lateMs, busy }: LoopReading): Finding {
  const said = `at the worst ${Math.round(lateMs)} ms late, ${Math.round(busy * 100)} % busy`;
  if (lateMs <= LOOP_LATE_MS_MAX && busy <= LOOP_BUSY_MAX) return well('event_loop', `The process gets to its work: ${said}.`);
  return {
    id: 'event_loop',
    severity: lateMs > LOOP_LATE_MS_MAX ? 'error' : 'warning',
    cause: `The process hardly gets to its work (${said}): the machine is short of CPU, or a tool or middleware of holdfast.config.ts blocks it.`,
    fix: 'top -b -n 1 | head -20   # shows what takes the CPU; if it is the agent itself: holdfast restart',
  };
}

export function turnsFinding(
  { open, oldestOpenMs }: { open: number; oldestOpenMs: number | null },
  stored: Record<TurnStatus, number> | undefined,
  noProgressMs: number,
): Finding {
  const inData = stored ? stored.queued + stored.running : open;
  const orphaned = Math.max(0, inData - open);
  const isStuck = oldestOpenMs !== null && oldestOpenMs > noProgressMs;
  if (!isStuck && orphaned === 0) return well('turns', `${open} ${open === 1 ? 'turn is' : 'turns are'} open.`);
  return {
    id: 'turns',
    severity: 'warning',
    cause: isStuck
      ? `A turn has been open for ${Math.round(oldestOpenMs / 1_000)} s.`
      : `${orphaned} ${orphaned === 1 ? 'turn is' : 'turns are'} open in the data, and nobody works on ${orphaned === 1 ? 'it' : 'them'}: the outcome could not be stored.`,
    fix: 'holdfast restart   # takes open turns up again from what is stored; none is answered twice',
  };
}

/** `advice` is what status says about the model: prose, where a finding needs a line for a shell. */
export function modelFinding({ name, state, code, ms, fix: advice }: CheckedModel): Finding {
  const wrong = (cause: string, fix: string): Finding => ({ id: 'models', subject: name, severity: 'error', cause, fix });
  const sources = (otherwise: string) => `holdfast config show --sources   # ${advice ?? otherwise}`;
  if (name === 'demo') return { id: 'models', subject: name, severity: 'info', cause: 'demo answers: replies are canned.', fix: null };
  if (state === 'unconfigured')
    return wrong(`${name} cannot be called: no key or no provider of that name.`, sources('Set its key and restart.'));
  // A thinking model may spend the one token of the call on thoughts: it is there.
  if (code === 'ok' || code === 'output_limit') {
    const later = state === 'ok' ? '' : ' again; it is called as soon as its next probe succeeds, within seconds';
    return { ...well('models', `${name} answers${later} (${ms} ms).`), subject: name };
  }
  if (state === 'bad_key') {
    const what = code === 'no_credit' ? 'has no credit left' : 'refuses its key';
    return wrong(`${name} ${what}: every answer is the fallback sentence, or another model's.`, sources('Check its key and restart.'));
  }
  if (code === 'http_404') return wrong(`${name} is not known to its provider.`, sources('Correct HOLDFAST_MODELS and restart.'));
  return wrong(
    `${name} does not answer (${code}). ${state === 'open' ? 'It is left alone and comes back by itself when a probe succeeds.' : 'It is still called.'}`,
    `holdfast logs --level warn   # shows since when; check the network from this machine and the provider's status page`,
  );
}

export function webhookFinding({ lastFailure, failed }: { lastFailure?: string | undefined; failed: number }): Finding {
  if (lastFailure === undefined) return well('webhook', 'Alerts get to ALERT_WEBHOOK_URL.');
  return {
    id: 'webhook',
    severity: 'warning',
    cause: `The last alert did not get to ALERT_WEBHOOK_URL (${lastFailure}); ${failed} were given up.`,
    fix: 'holdfast logs --level warn   # shows since when; test the address by hand as docs/operate/alerts.md says',
  };
}
